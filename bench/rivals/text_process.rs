//! What the programs share: arguments and answers as text-process.ts describes them.

use std::io::BufRead;
use std::time::Instant;

use anyhow::{Context, Result};

/// `FOLDER PRECISION THREADS TEMPERATURE VOCABULARY UNITS...`
pub struct Options {
    /// The ONNX file of one step: `f32.onnx` or, with a scale an output, `int8-channel.onnx`.
    pub model: String,
    pub threads: usize,
    pub units: Vec<usize>,
    temperature: f32,
}

impl Options {
    pub fn parse() -> Result<Options> {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let [folder, precision, threads, temperature, _vocabulary, units @ ..] = given.as_slice() else {
            anyhow::bail!("expected FOLDER PRECISION THREADS TEMPERATURE VOCABULARY UNITS...");
        };
        let form = if precision == "int8" { "int8-channel" } else { precision };
        Ok(Options {
            model: format!("{folder}/{form}.onnx"),
            threads: threads.parse()?,
            units: units.iter().map(|each| each.parse()).collect::<Result<_, _>>()?,
            temperature: temperature.parse()?,
        })
    }

    /// `step` takes a character and gives the logits of the next.
    pub fn generate(&self, mut step: impl FnMut(usize) -> Result<Vec<f32>>) -> Result<()> {
        let mut id = 0;
        let mut rows = Vec::new();
        for _ in 0..20 {
            let logits = step(id)?;
            id = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).context("no logits")?;
            rows.push(logits);
        }
        println!("{rows:?}");
        let mut random = 1u64;
        for line in std::io::stdin().lock().lines() {
            let seconds = line?.parse::<f64>()? / 1000.0;
            let (start, mut elapsed, mut made) = (Instant::now(), 0.0, 0);
            while elapsed < seconds {
                for _ in 0..16 {
                    id = self.sample(&step(id)?, &mut random);
                }
                made += 16;
                elapsed = start.elapsed().as_secs_f64();
            }
            println!("{}", f64::from(made) / elapsed);
        }
        Ok(())
    }

    fn sample(&self, logits: &[f32], random: &mut u64) -> usize {
        *random ^= *random << 13; // xorshift
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let chances: Vec<f32> = logits.iter().map(|&each| ((each - most) / self.temperature).exp()).collect();
        let mut left = (*random >> 40) as f32 / (1u64 << 24) as f32 * chances.iter().sum::<f32>();
        chances.iter().position(|&chance| { left -= chance; left < 0.0 }).unwrap_or(chances.len() - 1)
    }
}
