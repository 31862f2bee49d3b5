import type * as tfjs from '@tensorflow/tfjs';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { argmax } from '../networks.ts';

// parameters: model.json, vocabulary
const tf = loadTensorFlow();
const model = await tf.loadLayersModel(`file://${process.argv[2]}`);
const oneHot = tf.oneHot(tf.tensor2d([[0]], [1, 1], 'int32'), Number(process.argv[3])).toFloat();
process.stdout.write(String(argmax((model.predict(oneHot) as tfjs.Tensor).dataSync())));
