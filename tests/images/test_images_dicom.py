import numpy as np
import pytest
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from esegeta.errors import ImageError
from esegeta.images import prepare, read

ROW, COLUMN = np.array([0.8, 0.6, 0.0]), np.array([-0.48, 0.64, 0.6])  # LPS, orthonormal
NORMAL = np.cross(ROW, COLUMN)
FIRST = np.array([-50.0, 20.0, 100.0])


def write_slice(path, pixels, position, uid, number, description="chest"):
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = CTImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.Modality, file.PatientName, file.PatientID = "CT", "A^B", "1"
    file.StudyInstanceUID = file.FrameOfReferenceUID = "1.2.3"
    file.SeriesInstanceUID, file.SeriesDescription, file.InstanceNumber = uid, description, number
    file.ImagePositionPatient = [f"{v:.9g}" for v in position]
    file.ImageOrientationPatient = [f"{v:.9g}" for v in (*ROW, *COLUMN)]
    file.PixelSpacing, file.SliceThickness = [0.7, 0.9], 3  # between rows, between columns
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    file.RescaleSlope, file.RescaleIntercept = 2, -1024
    file.PixelData = pixels.astype("<u2").tobytes()
    file.save_as(path, enforce_file_format=True)


def write_series(folder, volume, step=3 * NORMAL, uid="1.2.3.4", drop=(), **rest):
    """Write (slices, rows, columns) with file names in no order of position."""
    folder.mkdir(exist_ok=True)
    for number, pixels in enumerate(volume):
        if number not in drop:
            name = f"{uid}-{(number * 7) % 11}.dcm"
            write_slice(folder / name, pixels, FIRST + number * step, uid, number, **rest)
    return folder


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 3000, (6, 5, 4))


def test_a_series_lies_where_simpleitk_says_it_lies(tmp_path, volume):
    image = read(write_series(tmp_path / "chest", volume))
    assert (image.name, image.tensor.shape) == ("chest", (1, 4, 5, 6))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "chest")))
    reference = reader.Execute()
    for index in [(0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (2, 3, 4)]:
        left, back, up = reference.TransformIndexToPhysicalPoint(index)
        assert np.allclose((image.affine @ (*index, 1))[:3], (-left, -back, up), atol=1e-4)
        assert image.tensor[(0, *index)].item() == reference[index]


def test_a_series_lies_where_the_standard_says_it_lies(tmp_path, volume):
    """PS3.3 C.7.6.2: position + column index · row direction · column spacing + …"""
    image = read(write_series(tmp_path / "chest", volume))
    for column, row, number in [(0, 0, 0), (3, 1, 2), (2, 4, 5)]:
        place = FIRST + ROW * 0.9 * column + COLUMN * 0.7 * row + 3 * NORMAL * number
        world = (image.affine @ (column, row, number, 1))[:3]
        assert np.allclose(world, place * (-1, -1, 1), atol=1e-4)
        expected = volume[number, row, column] * 2 - 1024
        assert image.tensor[0, column, row, number].item() == expected


def test_a_tilted_gantry_is_placed_by_its_slices(tmp_path, volume):
    step = 3 * NORMAL + 1.1 * COLUMN
    image = read(write_series(tmp_path / "tilted", volume, step=step))
    world = (image.affine @ (0, 0, 5, 1))[:3]
    assert np.allclose(world, (FIRST + 5 * step) * (-1, -1, 1), atol=1e-4)


def test_one_slice_is_a_picture_of_rows_and_columns(tmp_path, volume):
    write_slice(tmp_path / "one", volume[0], FIRST, "1.2.3.4", 0)  # no suffix: found by content
    for path in (tmp_path / "one", tmp_path):
        image = read(path)
        assert np.array_equal(image.tensor[0].numpy(), volume[0] * 2.0 - 1024)
        place = FIRST + ROW * 0.9 * 3 + COLUMN * 0.7 * 1
        assert np.allclose((image.affine @ (1, 3, 0, 1))[:3], place * (-1, -1, 1), atol=1e-4)


def test_several_series_are_listed(tmp_path, volume):
    write_series(tmp_path / "both", volume, description="thin")
    write_series(tmp_path / "both", volume[:3], uid="1.2.3.5", description="thick")
    with pytest.raises(ImageError, match="2 DICOM series") as error:
        read(tmp_path / "both")
    assert "'thin' (6 files, 1.2.3.4" in str(error.value)
    assert "'thick' (3 files, 1.2.3.5" in str(error.value)


def test_a_missing_slice_is_named(tmp_path, volume):
    with pytest.raises(ImageError, match=r"From .* it is 6 mm, usually 3 mm"):
        read(write_series(tmp_path / "gap", volume, drop=[3]))


def test_slices_at_one_place_are_refused(tmp_path, volume):
    write_series(tmp_path / "twice", volume[:3])
    write_slice(tmp_path / "twice" / "again.dcm", volume[4], FIRST + 3 * NORMAL, "1.2.3.4", 9)
    with pytest.raises(ImageError, match="several of one place"):
        read(tmp_path / "twice")


def test_a_folder_without_dicom_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(ImageError, match=r"holds no DICOM series; it holds notes\.txt"):
        read(tmp_path)


def test_a_truncated_file_is_an_error(tmp_path, volume):
    path = tmp_path / "cut.dcm"
    write_slice(path, np.tile(volume[0], (20, 20)), FIRST, "1.2.3.4", 0)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageError, match="cut short or damaged"):
        read(path)


def test_preprocessing_goes_there_and_back(tmp_path, volume, step):
    image = read(write_series(tmp_path / "chest", volume, step=3 * NORMAL + 1.1 * COLUMN))
    prepared = prepare(image, [step("ToCanonical"), step("CropOrPad", target_shape=9)])
    assert (prepared.to_source(prepared.tensor) == image.tensor).all()
