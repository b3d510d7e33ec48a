"""usage: table.py FOLDER TRAIN.tsv TEST.tsv [PEER...]: runs the peers and Trainyard, prints one table with each peer's rival below it."""
import json
import os
import shutil
import subprocess
import sys

import numpy

from common import Clock, Pass, auc, fastest, load, logloss

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = float(os.environ.get('PEERS_TIMED_LIMIT', 900))
PEERS = {'vw': 'vw.py', 'xlearn': 'xlearn.py', 'torch': 'torch_deepfm.py', 'sklearn': 'sklearn_sgd.py', 'lightgbm': 'lightgbm_trees.py'}
OURS = {  # name: model, rate, hash bits
    'lr': ({'kind': 'lr', 'hash_bits': 22}, 0.1),
    'fm(4)': ({'kind': 'fm', 'hash_bits': 18, 'embedding_dim': 4}, 0.05),
    'ffm(4)': ({'kind': 'ffm', 'hash_bits': 18, 'embedding_dim': 4}, 0.15),
    'deepfm(16)': ({'kind': 'deepfm', 'hash_bits': 22, 'embedding_dim': 16, 'hidden': [400, 400]}, 0.05),
}
ONLINE = {'lr'}  # learnt row by row from the text, as VW does
# Where smaller batches than 4096 learn more of one pass.
BATCH = {'fm(4)': 2048, 'ffm(4)': 2048}
MORE = 2  # passes
RIVALS = {'vw': [('lr', 'text', 1), ('lr', 'text', 2)], 'xlearn': [('lr', 'cache', 1), ('lr', 'cache', 2), ('fm(4)', 'cache', 1), ('fm(4)', 'cache', 2),
                                                ('ffm(4)', 'cache', 1), ('ffm(4)', 'cache', 2)],
          'torch': [('deepfm(16)', 'cache', 1), ('deepfm(16)', 'cache', 2)], 'sklearn': [('lr', 'cache', 1)], 'lightgbm': [('deepfm(16)', 'cache', 2)]}


def peer_rows(peer, train, test):
    command = [sys.executable, os.path.join(HERE, PEERS[peer]), train, test]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as late:
        lines = (late.stdout or b'').decode().splitlines()
        return [json.loads(line) for line in lines], 'took more than %g s' % LIMIT_S
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    reason = done.stderr.strip().splitlines()[-1] if done.returncode and done.stderr.strip() else ''
    return rows, reason or ('exit %d' % done.returncode if done.returncode else '')


def fit(spec, passes, folder, workers):
    """Clocks of one `trainyard run` of so many passes; the model is in FOLDER/run."""
    run, path = os.path.join(folder, 'run'), os.path.join(folder, 'spec.json')
    spec['train']['epochs'] = passes
    with open(path, 'w') as out:
        json.dump(spec, out)
    shutil.rmtree(run, ignore_errors=True)
    with Clock() as clock:
        subprocess.run(['build/trainyard', 'run', path, '--dir', run, '--workers', str(workers), '--cache', os.path.join(folder, 'blocks'), '--quiet'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return clock


def ours(name, source, workers, folder, train, test):
    """One pass of Trainyard. `text`: the whole command from no cache to a model on disk; `cache`: what a pass more takes, as for peers in memory."""
    model, rate = OURS[name]
    run, scores = os.path.join(folder, 'run'), os.path.join(folder, 'ours.tsv')
    spec = {'dataset': {'uri': 'file:' + os.path.abspath(train), 'format': 'criteo'}, 'model': model, 'optimizer': {'kind': 'adagrad', 'lr': rate},
            'split': {'kind': 'holdout', 'test_fraction': 0.001},  # a sliver: judging all that was learned is no part of learning
            'train': {'batch_size': BATCH.get(name, 4096), 'shards': 2, 'log_every_steps': 50}}  # as many shards as workers: fewer rows to merge
    if source == 'text':
        if name in ONLINE:
            rows = len(load(train)[0])
            spec.update(optimizer={'kind': 'adagrad', 'lr': 0.04, 'initial_accumulator': 10},
                        split={'kind': 'sequential', 'test_from': rows - rows // 1000})
            spec['train']['strategy'] = 'online'

        def parse_and_fit():
            shutil.rmtree(os.path.join(folder, 'blocks'), ignore_errors=True)
            return fit(spec, 1, folder, workers)

        clock = fastest(parse_and_fit)
    else:
        fit(spec, 1, folder, workers)
        many = fit(spec, 1 + MORE, folder, workers)
        clock = Pass(fit(spec, 1, folder, workers), many, MORE)
    subprocess.run(['build/trainyard', 'predict', '--checkpoint', run, '--in', test, '--out', scores, '--quiet'], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    table = numpy.loadtxt(scores, skiprows=1, usecols=(1, 2))
    rows = len(load(train)[0])
    return {'name': 'Trainyard %s from %s' % (name, source), 'threads': workers, 'rows_per_s': rows / clock.wall, 'rows_per_cpu_s': rows / clock.cpu,
            'logloss': logloss(table[:, 0], table[:, 1]), 'auc': auc(table[:, 0], table[:, 1])}


def line(row, ratios=''):
    print('%-44s %7d %11.0f %13.0f %9.4f %8.4f  %s' % (row['name'], row['threads'], row['rows_per_s'], row['rows_per_cpu_s'], row['logloss'], row['auc'],
                                                      ratios), flush=True)


def against(mine, peers):
    """Ratios to the best peer rows with as many threads, or to any."""
    rows = [p for p in peers if p['threads'] == mine['threads']] or peers
    if not rows:
        return ''
    fast, good = max(rows, key=lambda r: r['rows_per_s']), min(rows, key=lambda r: r['logloss'])
    return '%.1f x its rows/s, %.1f x a CPU second; logloss %+.4f to its best' % (
        mine['rows_per_s'] / fast['rows_per_s'], mine['rows_per_cpu_s'] / max(r['rows_per_cpu_s'] for r in rows), mine['logloss'] - good['logloss'])


def main():
    folder, train, test = sys.argv[1:4]
    load(train), load(test)  # converts once, outside all clocks
    print('%-44s %7s %11s %13s %9s %8s' % ('trainer', 'threads', 'rows/s', 'rows/CPU-s', 'logloss', 'AUC'))
    done = {}
    for peer in sys.argv[4:] or PEERS:
        rows, reason = peer_rows(peer, train, test)
        for row in rows:
            line(row)
        if reason:
            print('%-44s skipped: %s' % (peer, reason))
        for rival in RIVALS[peer]:
            if rival not in done:
                done[rival] = ours(*rival, folder, train, test)
            task = rival[0].split('(')[0]
            line(done[rival], against(done[rival], [r for r in rows if peer != 'xlearn' or r['name'].split()[1].split('(')[0] == task]))
    print('%-44s skipped: no package of it is on a registry' % 'libFFM, libFM')


main()
