"""xLearn's lr, fm and ffm of 4 factors, built from the source package on PyPI. A pass is two runs' difference, so that reading is not in it."""
import glob
import os
import subprocess
import sys
import tarfile

from common import Clock, Pass, Skip, convert, load, main, tell

VERSION = '0.40a1'


def build(folder):
    """The folder with xlearn_train and xlearn_predict."""
    made = os.path.join(folder, 'xlearn-' + VERSION, 'compile', 'build')
    if os.path.exists(os.path.join(made, 'xlearn_predict')):
        return made
    log = os.path.join(folder, 'xlearn.log')
    steps = [[sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '--no-binary', ':all:', '-d', folder, 'xlearn==' + VERSION],
             ['cmake', '-S', os.path.dirname(made), '-B', made, '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_POLICY_VERSION_MINIMUM=3.5'],
             ['make', '-C', made, '-j2', 'xlearn_train', 'xlearn_predict']]
    with open(log, 'w') as out:
        for number, step in enumerate(steps):
            if subprocess.run(step, stdout=out, stderr=out).returncode != 0:
                raise Skip('xlearn %s: %s failed; %s tells more' % (VERSION, step[0] if number else 'pip download', log))
            if number == 0:
                with tarfile.open(os.path.join(folder, 'xlearn-%s.tar.gz' % VERSION)) as package:
                    package.extractall(folder)
    found = glob.glob(os.path.join(made, '**', 'xlearn_predict'), recursive=True)
    if not found:
        raise Skip('xlearn %s: built, but there is no xlearn_predict; %s tells more' % (VERSION, log))
    return os.path.dirname(found[0])


def peer(train, test):
    programs = build(os.path.dirname(train))
    source, held = convert(train), convert(test)
    (labels, _), (seen, _) = load(test), load(train)
    model, out = source + '.model', source + '.scores'

    named = dict(os.environ, USER=os.environ.get('USER', 'bench'))  # without a user's name it aborts

    def fit(task, threads, passes):
        command = ['./xlearn_train', source + '.ffm', '-s', str(task), '-k', '4', '-e', str(passes), '-nthread', str(threads), '-m', model, '--quiet']
        with Clock() as clock:
            if subprocess.run(command, cwd=programs, env=named, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                raise Skip('xlearn_train -s %d failed' % task)
        return clock

    for name, task in (('lr', 0), ('fm(4)', 1), ('ffm(4)', 2)):
        fit(task, 2, 1)  # makes its binary copy of the log
        for threads in (1, 2):
            many, few = fit(task, threads, 3), fit(task, threads, 1)  # the model that stays is of one pass
            subprocess.run(['./xlearn_predict', held + '.ffm', model, '-o', out, '--sigmoid'], cwd=programs, env=named, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(out) as lines:
                tell('xLearn %s, in memory' % name, threads, len(seen), Pass(few, many, 2), labels, [float(line) for line in lines])


main(peer)
