"""The training script learns, and learns the same twice."""

import pytest
import torch

from esegeta.demo import train


def test_a_few_steps_on_trees_are_repeatable():
    def weights():
        torch.manual_seed(3)
        return train.train_vessels(steps=2, batch=1).state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_epochs_of_digits_learn_much():
    pytest.importorskip("sklearn")
    torch.manual_seed(0)
    network = train.train_digits(epochs=2)
    _, held_out = train.load_digits()
    assert train.accuracy(network, held_out) > 0.7


def test_training_trees_are_not_those_that_measure():
    assert max(train.UNSEEN) < train.TRAINED


def test_distorted_digits_stay_where_they_were_roughly():
    torch.manual_seed(0)
    pictures = torch.zeros(16, 1, 32, 32)
    pictures[:, :, 12:20, 12:20] = 1
    distorted = train._distort(pictures)
    assert distorted.shape == pictures.shape
    assert not torch.allclose(distorted[0], distorted[1])
    assert (distorted[:, :, 8:24, 8:24].sum(dim=(1, 2, 3)) > 35).all()
