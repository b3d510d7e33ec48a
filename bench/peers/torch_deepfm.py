"""DeepFM in plain PyTorch on the processor: table 2^22 x 16, layers 400-400, batches of 4096, Adagrad; rows parsed, hashed and in memory beforehand."""
from common import FIELDS, TABLE, Clock, load, main, tell

DIM, HIDDEN, BATCH = 16, 400, 4096


def peer(train, test):
    import torch
    from torch import nn

    class DeepFm(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Embedding(TABLE, 1, sparse=True)
            self.factors = nn.Embedding(TABLE, DIM, sparse=True)
            nn.init.zeros_(self.linear.weight)
            nn.init.normal_(self.factors.weight, std=0.01)
            self.bias = nn.Parameter(torch.zeros(1))
            self.deep = nn.Sequential(nn.Linear(FIELDS * DIM, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))

        def forward(self, ids):
            v = self.factors(ids)
            pairs = 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1)
            return self.bias + self.linear(ids).sum((1, 2)) + pairs + self.deep(v.flatten(1)).squeeze(1)

    labels, ids = (torch.from_numpy(x) for x in load(train))
    held_labels, held = load(test)
    ids = ids.long()
    for threads in (1, 2):
        torch.manual_seed(1)
        torch.set_num_threads(threads)
        model = DeepFm()
        tables = [model.linear.weight, model.factors.weight]
        rest = [p for p in model.parameters() if all(p is not t for t in tables)]
        optimizers = [torch.optim.Adagrad(tables, lr=0.05, initial_accumulator_value=1e-4), torch.optim.Adagrad(rest, lr=0.01)]
        loss_of = nn.BCEWithLogitsLoss()
        for optimizer in optimizers:
            optimizer.step()  # states are there
        order = torch.randperm(len(labels))
        with Clock() as clock:
            for at in range(0, len(labels), BATCH):
                rows = order[at:at + BATCH]
                for optimizer in optimizers:
                    optimizer.zero_grad(set_to_none=True)
                loss_of(model(ids[rows]), labels[rows]).backward()
                for optimizer in optimizers:
                    optimizer.step()
        with torch.no_grad():
            scores = torch.cat([torch.sigmoid(model(part)) for part in torch.from_numpy(held).long().split(BATCH)])
        tell('PyTorch %s DeepFM' % torch.__version__.split('+')[0], threads, len(labels), clock, held_labels, scores.numpy())


main(peer)
