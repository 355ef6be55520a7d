//! What each node of a network takes.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::statistics::minimum;

/// Nodes that are printed, the slowest first.
const SLOWEST: usize = 15;

/// Times of the nodes; a node that runs in several passes of a photo has their sum.
#[derive(Default)]
pub struct Profile {
    nodes: Vec<Node>,
    by_name: HashMap<String, usize>,
    runs: usize,
}

#[derive(Serialize)]
struct Node {
    operator: String,
    node: String,
    /// In one run.
    macs: u64,
    /// Seconds in each run.
    seconds: Vec<f64>,
}

#[derive(Default)]
struct Operator {
    count: usize,
    macs: u64,
    seconds: f64,
}

impl Profile {
    /// What is added from now on belongs to another run.
    pub fn begin(&mut self) {
        self.runs += 1;
    }

    /// A node has run.
    pub fn add(&mut self, operator: &str, node: &str, macs: u64, seconds: f64) {
        let at = *self.by_name.entry(node.into()).or_insert_with(|| {
            self.nodes.push(Node {
                operator: operator.into(),
                node: node.into(),
                macs: 0,
                seconds: Vec::new(),
            });
            self.nodes.len() - 1
        });
        let known = &mut self.nodes[at];
        if known.seconds.len() < self.runs {
            known.seconds.resize(self.runs, 0.0);
            known.macs = 0;
        }
        known.macs += macs;
        known.seconds[self.runs - 1] += seconds;
    }

    /// Tables of the operators and of the slowest nodes; nothing if no node was added.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mut operators: BTreeMap<&str, Operator> = BTreeMap::new();
        for node in &self.nodes {
            let operator = operators.entry(&node.operator).or_default();
            operator.count += 1;
            operator.macs += node.macs;
            operator.seconds += minimum(&node.seconds);
        }
        if operators.is_empty() {
            return Ok(());
        }
        let all: f64 = operators.values().map(|operator| operator.seconds).sum();
        let mut operators: Vec<_> = operators.into_iter().collect();
        operators.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
        writeln!(
            out,
            "\n{:<24} {:>6} {:>10} {:>8} {:>8}",
            "operator", "nodes", "min ms", "share %", "GMAC/s"
        )?;
        for (name, Operator { count, macs, seconds }) in operators {
            writeln!(
                out,
                "{name:<24} {count:>6} {:>10.2} {:>8.1} {:>8}",
                1e3 * seconds,
                100.0 * seconds / all,
                rate(macs, seconds),
            )?;
        }
        let mut nodes: Vec<_> = self.nodes.iter().map(|node| (minimum(&node.seconds), node)).collect();
        nodes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        writeln!(out, "\n{:<24} {:>10} {:>8} {:>8}  node", "slowest", "min ms", "share %", "GMAC/s")?;
        for (seconds, Node { operator, node, macs, .. }) in nodes.into_iter().take(SLOWEST) {
            writeln!(
                out,
                "{operator:<24} {:>10.2} {:>8.1} {:>8}  {node}",
                1e3 * seconds,
                100.0 * seconds / all,
                rate(*macs, seconds),
            )?;
        }
        Ok(())
    }
}

/// Multiply-adds a second, in thousand millions; empty if there are none.
fn rate(macs: u64, seconds: f64) -> String {
    if macs == 0 { String::new() } else { format!("{:.1}", macs as f64 / 1e9 / seconds) }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.nodes.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_of_a_run_are_summed_and_runs_kept_apart() {
        let mut profile = Profile::default();
        for run in [1.0, 10.0] {
            profile.begin();
            for pass in [1.0, 2.0] {
                profile.add("Conv", "a", 100, run * pass);
            }
        }
        profile.begin();
        profile.add("Add", "b", 0, 5.0);
        let json = serde_json::to_value(&profile).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                { "operator": "Conv", "node": "a", "macs": 200, "seconds": [3.0, 30.0] },
                { "operator": "Add", "node": "b", "macs": 0, "seconds": [0.0, 0.0, 5.0] },
            ])
        );
    }
}
