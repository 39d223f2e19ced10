"""Philox 4x32-10 (Salmon et al. 2011), vectorised: the library's counter-based random numbers, word for word.

key = (seed low, seed high); counter = (block low, block high, stream, step); block = index // 4, lane = index % 4.
"""
import numpy as np

INIT, SHUFFLE, NEGATIVES, EDGE_DROP, VIEW_NOISE, DROPOUT, SPLIT, WORLD, BOOTSTRAP = range(1, 10)

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(counter, key):
    """counter: four broadcastable arrays of 32-bit values, key: two integers -> uint32 [..., 4]."""
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(c, dtype=np.uint64) for c in counter))
    for round_ in range(10):
        k0, k1 = (np.uint64((k + round_ * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL))
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & MASK, (p0 >> HALF) ^ c3 ^ k1, p0 & MASK
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def words(seed, stream, step, start, count):
    """The 32-bit words of the indices start .. start + count - 1."""
    first, last = start // 4, (start + count + 3) // 4
    block = np.arange(first, last, dtype=np.uint64)
    key = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    drawn = philox((block & MASK, block >> HALF, stream, step), key).reshape(-1)
    return drawn[start - 4 * first:][:count]


def uniform(seed, stream, step, start, count):
    """Float32 in [0, 1): the upper 24 bits of each word."""
    return (words(seed, stream, step, start, count) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def check():
    """Known answers of Random123 1.14 (kat_vectors, philox4x32 10)."""
    ones = 0xFFFFFFFF
    known = [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((ones,) * 4, (ones,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]
    for counter, key, answer in known:
        found = " ".join(f"{word:08x}" for word in philox(counter, key))
        assert found == answer, f"counter {counter}: {found}, expected {answer}"
    whole = words(7, VIEW_NOISE, 3, 0, 64)
    assert all((words(7, VIEW_NOISE, 3, start, 9) == whole[start:start + 9]).all() for start in range(50))
