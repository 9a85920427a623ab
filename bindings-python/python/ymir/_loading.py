"""Reading for training: batches in a random order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ymir._pending import Operation
from ymir.events import Events

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from ymir import _ymir
    from ymir._ymir import Record

__all__ = ["Batch", "Images", "LoadedAsset", "Loader", "Loading"]

Images: TypeAlias = Literal["none", "bytes", "rgb"]
"""What a loader reads of image files: nothing, their bytes, or their pixels."""


class LoadedAsset:
    """An asset with what was read of its image. The arrays need NumPy."""

    __slots__ = ("_boxes", "_class_ids", "_pixels", "data", "record")

    record: Record
    """The record."""
    data: bytes | None
    """The bytes of the image file, if the loader reads bytes."""

    def __init__(self, record: Record, image: tuple[Any, Any], columns: tuple[Any, Any]) -> None:
        """Used by :meth:`ymir.Dataset.loader`."""
        self.record = record
        self.data, self._pixels = image
        self._boxes, self._class_ids = columns

    @property
    def pixels(self) -> NDArray[numpy.uint8] | None:
        """The pixels, if the loader reads them: height, width, and red, green and blue.

        They are as stored in the file, before any EXIF rotation, as boxes are.
        """
        if self._pixels is None:
            return None
        height, width, pixels = self._pixels
        array: NDArray[numpy.uint8] = _array(pixels, "uint8", (height, width, 3))
        return array

    @property
    def boxes(self) -> NDArray[numpy.float32]:
        """The boxes, a row ``x, y, w, h`` in pixels each."""
        array: NDArray[numpy.float32] = _array(self._boxes, "float32", (-1, 4))
        return array

    @property
    def class_ids(self) -> NDArray[numpy.int64]:
        """The numbers of the annotations' classes; -1 outside the workspace's class table."""
        array: NDArray[numpy.int64] = _array(self._class_ids, "int64", (-1,))
        return array

    def __repr__(self) -> str:
        """Returns the record."""
        return f"LoadedAsset({self.record!r})"


class Batch(NamedTuple):
    """Assets that are read together.

    Attributes:
        number: Its number in the epoch and shard, counted from 0: a loader whose ``start`` is the
            next one goes on behind it.
        assets: The assets.
    """

    number: int
    assets: list[LoadedAsset]


class Loader(Events[Batch]):
    """The batches of one epoch, with ``for`` or with ``async for``; read ahead by native threads.

    ::

        for epoch in range(10):
            for batch in dataset.loader(epoch=epoch, seed=7, images="rgb"):
                for asset in batch.assets:
                    asset.pixels, asset.boxes, asset.class_ids

    In PyTorch, each worker reads a shard of its own; a dataset may be carried into another
    process, a loader may not::

        class Images(torch.utils.data.IterableDataset):
            def __init__(self, dataset):
                self.dataset, self.epoch = dataset, 0

            def __iter__(self):
                worker = torch.utils.data.get_worker_info()
                shard, shards = (worker.id, worker.num_workers) if worker else (0, 1)
                for batch in self.dataset.loader(
                    epoch=self.epoch, shard=shard, shards=shards, images="rgb"
                ):
                    for asset in batch.assets:
                        yield torch.from_numpy(asset.pixels), torch.from_numpy(asset.boxes)
    """

    __slots__ = ("_remaining",)

    def __init__(self, opened: tuple[int, _ymir.Stream]) -> None:
        """Used by :meth:`ymir.Dataset.loader`."""
        self._remaining, stream = opened
        super().__init__(stream, _batch)

    @property
    def remaining(self) -> int:
        """How many batches are still to come."""
        return self._remaining

    def __next__(self) -> Batch:
        """Waits for the next batch with the interpreter released."""
        batch = super().__next__()
        self._remaining -= 1
        return batch

    async def __anext__(self) -> Batch:
        """Awaits the next batch."""
        batch = await super().__anext__()
        self._remaining -= 1
        return batch


class Loading:
    """The part of :class:`ymir.Dataset` that is read for training."""

    __slots__ = ()

    _native: _ymir.Dataset

    def loader(
        self,
        *,
        batch: int = 32,
        images: Images = "bytes",
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        shard: int = 0,
        shards: int = 1,
        drop_last: bool = False,
        read_ahead: int = 4,
        start: int = 0,
    ) -> Loader:
        """Begins to read batches of an epoch, in a random order, with the images.

        Args:
            batch: How many assets a batch has; the last one may have fewer.
            images: What is read of the image files.
            shuffle: Whether the order is random; else it is that of the ids.
            seed: What the random order starts from.
            epoch: The epoch; each has an order of its own.
            shard: Which of the shards this is, counted from 0.
            shards: Into how many shards the assets are dealt, for workers that read apart.
            drop_last: Whether a last batch that is not full is left out. Then each shard has as
                many batches as the others.
            read_ahead: How many batches are made ready before they are asked for.
            start: How many batches to pass over, to go on where reading ended.

        Raises:
            InvalidInputError: For an empty batch, or a shard that there is not.
        """
        return Loader(Operation[tuple[int, Any]](self._native.loader(_options(locals()))).wait())

    async def loader_async(
        self,
        *,
        batch: int = 32,
        images: Images = "bytes",
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        shard: int = 0,
        shards: int = 1,
        drop_last: bool = False,
        read_ahead: int = 4,
        start: int = 0,
    ) -> Loader:
        """As :meth:`loader`."""
        opened = Operation[tuple[int, Any]](self._native.loader(_options(locals())))
        return Loader(await opened.wait_async())


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "self"}


def _batch(data: tuple[int, list[tuple[Any, Any, Any]]]) -> Batch:
    number, assets = data
    return Batch(number, [LoadedAsset(*asset) for asset in assets])


def _array(buffer: Any, kind: str, shape: tuple[int, ...]) -> Any:
    """Returns an array over the memory of a buffer."""
    try:
        import numpy
    except ImportError as error:
        raise ImportError(
            "the arrays of a loader need NumPy: run `pip install numpy`, or use `record` and `data`"
        ) from error
    array: Any = numpy.frombuffer(buffer, kind)
    return array.reshape(shape)
