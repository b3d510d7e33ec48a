"""Vowpal Wabbit, logistic, 2^22 weights, from text: its parser and its learner are a thread each. Plain, and --ftrl with the better of a few rates."""
import os

from common import Clock, convert, fastest, load, main, tell


def score(text, model, out):
    import vowpalwabbit
    workspace = vowpalwabbit.Workspace('--quiet -t -i %s -d %s -p %s' % (model, text, out))
    workspace.run_driver() if hasattr(workspace, 'run_driver') else workspace.run_parser()
    workspace.finish()
    with open(out) as lines:
        return [float(line.split()[0]) for line in lines]


def peer(train, test):
    import vowpalwabbit
    source, held = convert(train), convert(test)
    (labels, _), (seen, _) = load(test), load(train)
    model, out = source + '.model', source + '.scores'
    tries = ['', '--ftrl --ftrl_alpha 0.02', '--ftrl --ftrl_alpha 0.05', '--ftrl --ftrl_alpha 0.1']

    def run(options):
        with Clock() as clock:
            workspace = vowpalwabbit.Workspace('--quiet --loss_function logistic --link logistic -b 22 %s -d %s.vw -f %s' % (options, source, model))
            workspace.run_driver() if hasattr(workspace, 'run_driver') else workspace.run_parser()
            workspace.finish()
        return clock

    for options in tries:
        clock = fastest(lambda: run(options))
        tell(('vw from text ' + options).strip(), 2, len(seen), clock, labels, score(held + '.vw', model, out))
    os.remove(model)
    os.remove(out)


main(peer)
