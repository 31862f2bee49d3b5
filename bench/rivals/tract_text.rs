//! Generates with tract, a run a character. It has no LSTM in 8 bits.

use text_process::Options;
use tract_linalg::multithread::{Executor, set_default_executor, set_threading_mac_threshold};
use tract_onnx::prelude::*;

fn main() -> TractResult<()> {
    let options = Options::parse()?;
    if options.threads > 1 {
        set_threading_mac_threshold(1 << 18); // so that a matrix of 512 x 2,048 is shared too
        set_default_executor(Executor::multithread(options.threads));
    }
    let model = tract_onnx::onnx().model_for_path(&options.model)?.into_optimized()?.into_runnable()?;
    let mut states: TVec<TValue> = options
        .units
        .iter()
        .flat_map(|&units| [0, 1].map(|_| Tensor::zero::<f32>(&[1, 1, units]).expect("zeros").into_tvalue()))
        .collect();
    options.generate(|character| {
        let mut fed = tvec![tensor2(&[[character as i64]]).into_tvalue()];
        fed.append(&mut states);
        let mut results = model.run(fed)?;
        let logits = results.pop().expect("logits");
        states = results;
        Ok(logits.to_plain_array_view::<f32>()?.iter().copied().collect())
    })
}
