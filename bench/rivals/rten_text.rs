//! Generates with rten, a run a character.

use std::sync::Arc;

use anyhow::Result;
use text_process::Options;
use rten::{ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::{NdTensor, Tensor};

fn main() -> Result<()> {
    let options = Options::parse()?;
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(&options.model)?;
    let pool = Arc::new(ThreadPool::with_num_threads(options.threads));
    let run_options = RunOptions::default().with_thread_pool(Some(pool));
    let names = |suffix: &str| -> Result<Vec<NodeId>> {
        let states = (0..options.units.len()).flat_map(|layer| [format!("h{layer}{suffix}"), format!("c{layer}{suffix}")]);
        states.map(|name| Ok(model.node_id(&name)?)).collect()
    };
    let (id, inputs) = (model.node_id("id")?, names("")?);
    let mut outputs = names("_out")?;
    outputs.push(model.node_id("logits")?);
    let mut states: Vec<Value> =
        options.units.iter().flat_map(|&units| [0, 1].map(|_| Tensor::<f32>::zeros(&[1, 1, units]).into())).collect();
    options.generate(|character| {
        let mut fed: Vec<(NodeId, ValueOrView)> = vec![(id, NdTensor::from([[character as i32]]).into())];
        fed.extend(inputs.iter().copied().zip(states.drain(..).map(ValueOrView::from)));
        let mut results = model.run(fed, &outputs, Some(run_options.clone()))?;
        let logits: Tensor<f32> = results.pop().expect("logits").try_into()?;
        states = results;
        Ok(logits.into_data())
    })
}
