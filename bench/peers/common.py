"""What the peers' scripts share: the log in each peer's format, clocks, metrics."""
import json
import math
import os
import resource
import sys
import time
import zlib

import numpy

FIELDS = 39
TABLE = 1 << 22  # slots of torch and sklearn, as Trainyard's hash_bits 22
PAIRS = 1 << 18  # slots of xLearn, as Trainyard's hash_bits 18 for ffm


class Skip(Exception):
    """A peer that cannot run here, and why."""


def bucket(text):
    """Integers as the winners of 2014 took them: v up to 2 as it is, else floor(ln(v)^2)."""
    if not text:
        return ''
    value = int(text)
    return 'S%d' % value if value <= 2 else str(int(math.log(value) ** 2))


def convert(path):
    """Beside PATH: .vw, .ffm (libFFM, slots of PAIRS), .npz (labels; ids (rows, FIELDS) of TABLE slots). Made once."""
    base = os.path.splitext(path)[0]
    if os.path.exists(base + '.npz'):
        return base
    known, labels, ids = {}, [], []
    with open(path) as log, open(base + '.vw', 'w') as vw, open(base + '.ffm', 'w') as ffm:
        for line in log:
            cells = line.rstrip('\n').split('\t')
            row, words, slots = [], [], []
            for field, cell in enumerate(cells[1:]):
                word = '%d=%s' % (field, bucket(cell) if field < 13 else cell)
                if word not in known:
                    known[word] = zlib.crc32(word.encode())
                row.append(known[word] % TABLE)
                words.append(word)
                slots.append('%d:%d:1' % (field, known[word] % PAIRS))
            labels.append(int(cells[0]))
            ids.append(row)
            vw.write('%s | %s\n' % ('1' if cells[0] == '1' else '-1', ' '.join(words)))
            ffm.write('%s %s\n' % (cells[0], ' '.join(slots)))
    numpy.savez(base + '.tmp.npz', labels=numpy.array(labels, dtype=numpy.float32), ids=numpy.array(ids, dtype=numpy.int32))
    os.rename(base + '.tmp.npz', base + '.npz')
    return base


def load(path):
    data = numpy.load(convert(path) + '.npz')
    return data['labels'], data['ids']


def processor_s():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


class Clock:
    """with Clock() as c: ...; then c.wall and c.cpu, in seconds. What earlier commands left to be written is on the disk before it starts."""

    def __enter__(self):
        os.sync()
        self.wall, self.cpu = time.monotonic(), processor_s()
        return self

    def __exit__(self, *unused):
        self.wall, self.cpu = time.monotonic() - self.wall, processor_s() - self.cpu


def fastest(timed, times=3):
    """The clock of the fastest of some calls of timed(), which returns one: for commands so short that a neighbour's moment would be most of it."""
    return min((timed() for _ in range(times)), key=lambda clock: clock.wall)


class Pass:
    """Clocks of one pass more, from runs of few and of many passes: what comes before and after the passes is not in it."""

    def __init__(self, few, many, passes):
        self.wall, self.cpu = max(many.wall - few.wall, 1e-9) / passes, max(many.cpu - few.cpu, 1e-9) / passes


def logloss(labels, scores):
    p = numpy.clip(numpy.asarray(scores, dtype=numpy.float64), 1e-7, 1 - 1e-7)
    return float(-numpy.mean(labels * numpy.log(p) + (1 - labels) * numpy.log(1 - p)))


def auc(labels, scores):
    """The Mann-Whitney statistic; ties count half."""
    order = numpy.argsort(scores, kind='stable')
    values = numpy.asarray(scores)[order]
    edges = numpy.flatnonzero(numpy.concatenate(([True], values[1:] != values[:-1], [True])))
    ranks = numpy.empty(len(values))
    ranks[order] = numpy.repeat((edges[:-1] + edges[1:] + 1) / 2, numpy.diff(edges))
    positives = float(numpy.sum(labels))
    return float((ranks[labels > 0].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def tell(name, threads, rows, clock, labels, scores):
    """One line for table.py."""
    print(json.dumps({'name': name, 'threads': threads, 'rows_per_s': rows / clock.wall, 'rows_per_cpu_s': rows / clock.cpu,
                      'logloss': logloss(labels, scores), 'auc': auc(labels, scores)}), flush=True)


def main(peer):
    """Run peer(train, test) of a script; exit 3 with the reason on standard error when it cannot be had."""
    try:
        peer(sys.argv[1], sys.argv[2])
    except (Skip, ImportError) as reason:
        print(reason, file=sys.stderr)
        sys.exit(3)
