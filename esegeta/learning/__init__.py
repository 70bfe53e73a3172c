"""What is trained before it explains: its data, its training, and the artifact that is left."""

from esegeta.learning.artifact import Artifact
from esegeta.learning.course import Course
from esegeta.learning.learner import Learner

__all__ = ["Artifact", "Course", "Learner"]
