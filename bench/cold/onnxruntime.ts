import { argmax } from '../networks.ts';
import { onnxStep } from '../rivals/onnx.ts';

// parameters: folder of the ONNX models, units of each layer
const step = await onnxStep(process.argv[2]!, 'int8', process.argv.slice(3).map(Number));
process.stdout.write(String(argmax(await step(0))));
