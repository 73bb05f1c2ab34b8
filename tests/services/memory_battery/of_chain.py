"""Mutations of ``hash_chain.json`` and its hidden twin: the events are still as they were signed."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cq_tui.store.history.hash_chain import SEPARATOR, TAIL_BYTES, ChainTail, genesis_block
from tests.services.memory_battery.edits import (
    append,
    cut,
    edit_line,
    edit_lines,
    flip,
    inserted,
    repeated,
    replace_in,
    swapped,
    without,
)
from tests.services.memory_battery.mutation import Mutation
from tests.services.memory_battery.site import Site
from tests.store.history.histories import raw_blocks

CHAIN = "hash_chain.json"
_HISTORY = frozenset({"history"})
_NESTING = b"[" * 100_000
Lines = list[bytes]


def _blocks(change: Callable[[Lines], Lines]) -> Callable[[Site], None]:
    """Return a change of the blocks after the genesis block, all else being left as it is."""

    def changed(site: Site) -> None:
        document = site.data.hash_chain.read_bytes()
        genesis, *blocks = raw_blocks(site.data)
        head = document[: document.index(genesis) + len(genesis)]
        content = head + b"".join(SEPARATOR + block for block in change(list(blocks)))
        site.data.hash_chain.write_bytes(content + document[-TAIL_BYTES:])

    return changed


def _both(change: Callable[[Site], object]) -> Callable[[Site], None]:
    """Return the change of the document and of its twin."""

    def changed(site: Site) -> None:
        change(site)
        shutil.copy2(site.data.hash_chain, site.twin)

    return changed


def _tail(**fields: object) -> Callable[[Site], None]:
    """Return a change of what the document's tail says."""

    def changed(site: Site) -> None:
        path = site.data.hash_chain
        content = path.read_bytes()
        known = {"merkle_root": "0" * 64, "chain_length": site.events + 1, "integrity_verified": True}
        path.write_bytes(content[:-TAIL_BYTES] + ChainTail(**(known | fields)).to_bytes())  # type: ignore[arg-type]  # by table

    return changed


def _root(site: Site) -> str:
    return site.data.hash_chain.read_bytes()[-TAIL_BYTES:].partition(b'"merkle_root":"')[2][:64].decode()


def _damage(
    name: str, change: Callable[[Site], object], at: float | None = None, *, is_heavy: bool = False
) -> Mutation:
    return Mutation(name, change, kinds=_HISTORY, file=CHAIN, at=at, is_heavy=is_heavy)


def _path_change(change: Callable[[Path], object]) -> Callable[[Site], object]:
    return lambda site: change(site.data.hash_chain)


def _flipped(marker: bytes, block: bytes) -> bytes:
    return block.replace(marker, marker[:-1] + bytes([marker[-1] ^ 1]), 1)


def _replace_genesis(site: Site) -> None:
    replace_in(site.data.hash_chain, next(iter(raw_blocks(site.data))), genesis_block("5.000000").content)


def _hard_link(path: Callable[[Site], Path]) -> Callable[[Site], object]:
    def linked(site: Site) -> None:
        site.twin.unlink()
        site.twin.hardlink_to(path(site))

    return linked


def _twin_from(source: Callable[[Site], Path]) -> Callable[[Site], object]:
    return lambda site: shutil.copy(source(site), site.twin)


def _of_other(site: Site) -> None:
    shutil.copy(site.other.hash_chain, site.data.hash_chain)


MUTATIONS = (
    *(
        _damage(
            f"a bit of {marker.decode()} is flipped at {share}",
            _blocks(edit_line(share, partial(_flipped, marker))),
            share,
            is_heavy=share != 0.5,
        )
        for share in (0.1, 0.5, 1)
        for marker in (b'{"index":', b'"timestamp":', b'"event_id":"', b'"event_hash":"', b'"previous_hash":"')
    ),
    *(
        _damage(
            f"a hash is another one at {share}",
            _blocks(edit_line(share, lambda block: block[:-10] + b"01234567" + block[-2:])),
            share,
        )
        for share in (0.1, 0.5, 1)
    ),
    _damage("a block is deleted", _blocks(without(0.5)), 0.5),
    _damage("the first block is deleted", _blocks(without(0)), 0),
    _damage("the last block is deleted", _blocks(without(1)), 1),
    _damage("a block stands twice", _blocks(repeated(0.5))),
    _damage("two blocks change places", _blocks(swapped(0.5)), 0.5),
    _damage("an unsound block is inserted", _blocks(inserted(0.5, b'{"index":3}'))),
    _damage("garbage stands between two blocks", _blocks(edit_line(0.5, lambda block: block + b"\ngarbage"))),
    _damage("a space stands between two blocks", _blocks(edit_line(0.5, lambda block: block + b" "))),
    _damage("the last third of the blocks are cut", _blocks(lambda blocks: blocks[: len(blocks) * 2 // 3])),
    _damage("all blocks are cut", _blocks(lambda blocks: [])),
    _damage("the genesis block has another time", lambda site: replace_in(site.data.hash_chain, b'p":1', b'p":2')),
    _damage("the genesis block is gone", _path_change(lambda path: edit_lines(path, without(0.0001)))),
    _damage("another genesis block stands there", _both(_replace_genesis)),
    _damage("the tail names another root", _tail()),
    Mutation(
        "the tail counts one block more",
        lambda site: _tail(merkle_root=_root(site), chain_length=site.events + 2)(site),
        exit_code=1,
        missing=(0, 1),
    ),
    Mutation(
        "the tail counts a thousand blocks more",
        lambda site: _tail(merkle_root=_root(site), chain_length=site.events + 1001)(site),
        exit_code=1,
        missing=(0, 1000),
    ),
    _damage(
        "the tail counts a block less", lambda site: _tail(merkle_root=_root(site), chain_length=site.events)(site)
    ),
    _damage("the tail counts no block", lambda site: _tail(merkle_root=_root(site), chain_length=0)(site)),
    _damage(
        "the tail counts beyond any history",
        _path_change(lambda path: replace_in(path, b'"chain_length":', b'"chain_length":9007199254740993')),
    ),
    _damage(
        "the tail says that it was not verified",
        lambda site: _tail(merkle_root=_root(site), integrity_verified=False)(site),
    ),
    _damage("a bit of the tail is flipped", _path_change(lambda path: flip(path, b"integrity_verified", 0.9))),
    _damage("the tail is cut", _path_change(lambda path: cut(path, TAIL_BYTES))),
    _damage("the last byte is cut", _path_change(lambda path: cut(path, 1))),
    _damage("half of it is cut", _path_change(lambda path: cut(path, path.stat().st_size // 2))),
    _damage("a byte is appended", _path_change(lambda path: append(path, b"\n"))),
    _damage("garbage is appended", _path_change(lambda path: append(path, b"garbage" * 1000))),
    # Its blocks say that all events were changed.
    *(
        Mutation(name, change, kinds=frozenset({"history", "contradiction"}), file="event_chain.ndjson", at=0)
        for name, change in (
            ("it is another directory's", _of_other),
            ("both are another directory's", _both(_of_other)),
        )
    ),
    _damage("it is an empty object", _path_change(lambda path: path.write_bytes(b"{}\n"))),
    _damage("it is a nesting of 100,000", _path_change(lambda path: path.write_bytes(b'{"chain":[\n' + _NESTING))),
    _damage("zeros stand in it", _path_change(lambda path: path.write_bytes(bytes(path.stat().st_size)))),
    _damage("the two change places with a bit flipped", _both(_path_change(lambda path: flip(path, b'"hash":"')))),
    _damage(
        "both are those of an earlier moment",
        _both(lambda site: shutil.copy(site.at(2).data.hash_chain, site.data.hash_chain)),
    ),
    Mutation("the twin has a bit flipped", lambda site: flip(site.twin, b'"hash":"'), exit_code=0),
    Mutation("the twin is gone", lambda site: site.twin.unlink(), exit_code=0),
    Mutation("the twin is that of an earlier moment", _twin_from(lambda site: site.at(1).twin), exit_code=0),
    Mutation("the twin is another directory's", _twin_from(lambda site: site.other.hash_chain), exit_code=0),
    Mutation("the twin is the document itself", _hard_link(lambda site: site.data.hash_chain), exit_code=0),
    Mutation("the twin is the events file", _hard_link(lambda site: site.data.events), exit_code=0),
)
