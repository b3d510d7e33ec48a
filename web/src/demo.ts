/* The demo job: a factorisation machine on a generated click log, small enough to end within a minute, with compression on so that
 * every panel has something to show. The file comes from the command below, written into one of the server's data roots. */
export const DEMO_FILE = 'demo.tsv';
export const DEMO_COMMAND = `trainyard data gen --rows 200000 --seed 1 --out DATA_ROOT/${DEMO_FILE}`;

export const DEMO_SPEC = {
  name: 'demo',
  experiment: 'tour',
  dataset: { uri: `file:${DEMO_FILE}`, format: 'criteo' },
  split: { kind: 'holdout', test_fraction: 0.1, validation_fraction: 0.1, seed: 7 },
  model: { kind: 'fm', hash_bits: 18 },
  optimizer: { kind: 'adagrad', lr: 0.05 },
  train: { shards: 4, batch_size: 1024, epochs: 3, seed: 1, log_every_steps: 5 },
  compression: { codec: 'topk', retention: 0.1, error_feedback: true },
  evaluate: { every_steps: 40 },
  checkpoint: { every_steps: 100, keep: 3 },
};

export const demoText = (): string => JSON.stringify(DEMO_SPEC, null, 2);
