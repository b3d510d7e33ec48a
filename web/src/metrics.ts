/* What the metrics of an evaluation are called, and what they say. A name that is not here shows as it is. */

const NAMES: Record<string, [string, string]> = {
  auc: ['AUC', 'chance that a random positive scores above a random negative; higher is better'],
  logloss: ['Log loss', 'mean negative log-likelihood in nats; lower is better'],
  ne: ['Normalised entropy', 'log loss over that of the base rate; below 1 is better than guessing it'],
  rig: ['Information gain', 'share of the base rate’s entropy that the scores explain; higher is better'],
  pr_auc: ['PR AUC', 'area under precision and recall; compare with the base rate'],
  calibration: ['Calibration', 'sum of predictions over sum of labels; 1 is right'],
  ece: ['Calibration error', 'mean distance of prediction and click rate over equal parts of the rows; 0 is right'],
  accuracy: ['Accuracy', 'share of rows whose label is the most probable one; compare with always saying the most frequent'],
  rmse: ['RMSE', 'root of the mean squared distance of prediction and label; lower is better'],
  mae: ['MAE', 'mean distance of prediction and label; lower is better'],
  gauc: ['Group AUC', 'AUC within each group, weighted by its rows; higher is better'],
  ndcg: ['NDCG', 'how high positives stand within their group; higher is better'],
  hit_rate: ['Hit rate', 'share of groups with a positive among their first k'],
  mse: ['MSE', 'mean squared distance of prediction and label; lower is better'],
  r2: ['R²', 'share of the labels’ variance that the predictions explain; 1 is perfect'],
  bias: ['Bias', 'mean prediction less mean label; 0 is right'],
  deviance: ['Deviance', 'mean Poisson deviance; lower is better'],
  top_k_accuracy: ['Top-k accuracy', 'share of rows whose class is among the k most probable ones'],
  macro_auc: ['Macro AUC', 'mean over classes of the AUC of one against the rest; higher is better'],
  base_rate: ['Base rate', 'share of positives'],
};

export const titleOf = (name: string): string => NAMES[name]?.[0] ?? name;
export const helpOf = (name: string): string => NAMES[name]?.[1] ?? '';
