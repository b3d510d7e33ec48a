/* The dashboard starts here: styles, theme, then the application into its place. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/controls.css';
import './style/frame.css';
import './style/jobs.css';
import './style/job.css';
import './style/form.css';
import './style/chart.css';
import { App } from './app';
import { startTheme } from './theme';

startTheme();
render(<App />, document.getElementById('app')!);
