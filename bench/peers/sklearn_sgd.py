"""scikit-learn's SGDClassifier, logistic, on a sparse matrix of hashed ids that is made beforehand. For context: it is no trainer of logs."""
import numpy

from common import FIELDS, TABLE, Clock, load, main, tell


def peer(train, test):
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    def matrix(ids):
        rows = len(ids)
        return csr_matrix((numpy.ones(rows * FIELDS, dtype=numpy.float32), ids.reshape(-1), numpy.arange(rows + 1) * FIELDS), (rows, TABLE))

    (labels, ids), (held_labels, held) = load(train), load(test)
    x = matrix(ids)
    model = SGDClassifier(loss='log_loss', alpha=1e-6, learning_rate='constant', eta0=0.03, max_iter=1, tol=None, random_state=1)
    with Clock() as clock:
        model.fit(x, labels)
    tell('scikit-learn SGDClassifier', 1, len(labels), clock, held_labels, model.predict_proba(matrix(held))[:, 1])


main(peer)
