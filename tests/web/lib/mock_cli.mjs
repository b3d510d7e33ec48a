/* `npm run mock`: the dashboard on the mock server, with jobs that move once a second. Prints its address; ends with Ctrl-C. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Mock } from './mock.mjs';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../../../web/dist');
const mock = await new Mock(dist, { token: process.env.MOCK_TOKEN ?? '' }).start(Number(process.env.PORT ?? 0));
console.log(`the dashboard with invented jobs: ${mock.url}`);
setInterval(() => mock.tick(), 1000);
