export { installTensorFlow as default } from './install.ts';
