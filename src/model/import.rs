//! Checkpoint + [`Template`] -> model file and card.
//!
//! The template is an ONNX file whose initializers have names and shapes, but no
//! data. They are filled one after the other while the file is written, so that no
//! more than one tensor is in memory. The same input gives the same bytes everywhere.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

use half::f16;
use sha2::{Digest, Sha256};

use super::checkpoint::{Checkpoint, listed, missing};
use super::onnx_wire::{
    Content, Field, Malformed, fields, onnx, push_bytes, push_length, push_number, varint,
};
use crate::card::{Card, ModelFile};
use crate::error::{Code, Error, Result, reserved};
use crate::stop;

/// How the weights of a model file are stored. All are computed with as 32-bit
/// floats, and tensors of one axis (biases, norms) are always stored as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    F32,
    /// 16-bit floats.
    F16,
    /// Large tensors as 8-bit whole numbers with a factor for each output channel, others as 16-bit floats.
    I8,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::F16, Precision::I8];

    /// The name: `f32`, `f16` or `i8`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::I8 => "i8",
        }
    }

    /// The precision of that [`name`](Precision::name).
    pub fn from_name(name: &str) -> Result<Precision> {
        Precision::ALL.into_iter().find(|precision| precision.name() == name).ok_or_else(|| {
            Error::new(Code::BadOption, format!("there is no precision {name:?}; use f32, f16 or i8"))
        })
    }
}

/// Fewest elements of a tensor that is stored as 8-bit numbers: small ones save little.
const FEWEST_I8: u64 = 1 << 13;

/// A network without weights, and the card of the models that are made of it.
pub struct Template {
    card: Card,
    network: Vec<u8>,
    weights: Vec<Weight>,
}

/// An initializer that is to be filled.
#[derive(Clone, Debug, PartialEq)]
struct Weight {
    name: String,
    shape: Vec<u64>,
}

impl Weight {
    fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    fn storage(&self, precision: Precision) -> Precision {
        match precision {
            _ if self.shape.len() < 2 => Precision::F32,
            Precision::I8 if self.elements() < FEWEST_I8 => Precision::F16,
            precision => precision,
        }
    }
}

impl Template {
    /// A template from its card, which names no files, and its ONNX file.
    pub fn new(card_json: &str, network: Vec<u8>) -> Result<Template> {
        let card = Card::from_template_json(card_json)?;
        let weights = weights(&network).map_err(|what| {
            Error::new(Code::BadModel, format!("the template {:?} cannot be used: {what}", card.id))
        })?;
        Ok(Template { card, network, weights })
    }

    /// Card of the models, without files.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Names of the weights that the checkpoint lacks or has in another shape or type, with a remark.
    fn misfits<R: Read + Seek>(&self, checkpoint: &Checkpoint<R>) -> (Vec<String>, Vec<String>) {
        let (mut lacking, mut other) = (vec![], vec![]);
        for Weight { name, shape } in &self.weights {
            match checkpoint.shape(name) {
                None => lacking.push(name.clone()),
                Some(found) if found != shape => other.push(format!("{name} is {found:?}, not {shape:?}")),
                Some(_) if !checkpoint.is_float(name) => other.push(format!("{name} holds whole numbers")),
                Some(_) => {}
            }
        }
        (lacking, other)
    }
}

/// A checkpoint and the template that it fits.
pub struct Import<R> {
    checkpoint: Checkpoint<R>,
    template: Template,
}

impl<R: Read + Seek> Import<R> {
    /// Finds the template that the checkpoint's shapes fit. M2FP for several people
    /// and for one differ in the rows of `class_embed` only.
    ///
    /// Errors: [`Code::MissingWeights`] or [`Code::WrongShape`], which name the weights
    /// that do not fit the nearest template.
    pub fn new(checkpoint: Checkpoint<R>, templates: Vec<Template>) -> Result<Import<R>> {
        let misfits = templates.into_iter().map(|template| {
            let misfits = template.misfits(&checkpoint);
            (template, misfits)
        });
        let nearest = misfits.min_by_key(|(_, (lacking, other))| lacking.len() + other.len());
        let Some((template, (lacking, other))) = nearest else {
            return Err(Error::new(Code::BadOption, "there is no template to fill"));
        };
        if lacking.is_empty() && other.is_empty() {
            return Ok(Import { checkpoint, template });
        }
        let mut what = vec![];
        if !lacking.is_empty() {
            what.push(format!("it lacks {}", listed(&lacking)));
        }
        if !other.is_empty() {
            what.push(listed(&other));
        }
        let error = missing(format!("{} of {}", what.join("; "), template.card.title));
        Err(if lacking.is_empty() { Error::new(Code::WrongShape, error.message()) } else { error })
    }

    /// The template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// What of the checkpoint is not used. Tensors of the same last name are counted together.
    pub fn ignored(&self) -> Vec<String> {
        let mut by_last_name = BTreeMap::<&str, Vec<&str>>::new();
        let used: std::collections::HashSet<&str> =
            self.template.weights.iter().map(|weight| &*weight.name).collect();
        for name in self.checkpoint.names().filter(|name| !used.contains(name)) {
            by_last_name.entry(name.rsplit('.').next().unwrap_or(name)).or_default().push(name);
        }
        let unused = by_last_name.into_iter().flat_map(|(last, names)| match &names[..] {
            [_, _, _, ..] => vec![format!("*.{last} ({} tensors)", names.len())],
            names => names.iter().map(|&name| name.to_owned()).collect(),
        });
        self.checkpoint.ignored().iter().cloned().chain(unused).collect()
    }

    /// Bytes of the model file.
    pub fn size(&self, precision: Precision) -> u64 {
        self.beginning(precision).len() as u64 + self.weight_bytes(precision)
    }

    /// Writes the model file and returns its card. `progress` is called with the
    /// part of the bytes written, 0 to 1. On an error the file is not complete.
    pub fn write(
        &mut self,
        precision: Precision,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Card> {
        let (beginning, size) = (self.beginning(precision), self.size(precision));
        let mut out = Hashing { out, hash: Sha256::new(), bytes: 0 };
        out.write(&beginning)?;
        let mut values = vec![];
        for weight in &self.template.weights {
            stop::check()?;
            self.checkpoint.read(&weight.name, &mut values)?;
            for initializer in initializers(weight, precision) {
                out.write(&initializer.beginning())?;
                out.write(&initializer.data(&values)?)?;
            }
            progress((out.bytes as f64 / size as f64) as f32);
        }
        let sha256 = out.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut card = self.template.card.clone();
        card.id = format!("{}-{}", card.id, precision.name());
        card.title = format!("{} ({})", card.title, precision.name());
        card.files = vec![ModelFile { path: format!("{}.onnx", card.id), bytes: out.bytes, sha256 }];
        Ok(card)
    }

    /// The file up to its weights, which come last.
    fn beginning(&self, precision: Precision) -> Vec<u8> {
        let (mut file, mut graph) = (vec![], vec![]);
        for weight in &self.template.weights {
            nodes(weight, precision).iter().for_each(|node| push_bytes(&mut graph, onnx::GRAPH_NODE, node));
        }
        for field in fields(&self.template.network).flatten() {
            match (field.number, field.content) {
                (onnx::MODEL_GRAPH, Content::Bytes(content)) => {
                    let others =
                        fields(content).flatten().filter(|field| field.number != onnx::GRAPH_INITIALIZER);
                    others.for_each(|field| graph.extend(field.encoded));
                }
                _ => file.extend(field.encoded),
            }
        }
        push_length(&mut file, onnx::MODEL_GRAPH, graph.len() as u64 + self.weight_bytes(precision));
        file.extend(graph);
        file
    }

    fn weight_bytes(&self, precision: Precision) -> u64 {
        let weights = self.template.weights.iter();
        let all = weights.flat_map(|weight| initializers(weight, precision));
        all.map(|initializer| initializer.beginning().len() as u64 + initializer.data_bytes()).sum()
    }
}

/// The initializers that are to be filled.
fn weights(network: &[u8]) -> Result<Vec<Weight>, &'static str> {
    let malformed = |Malformed| "it is not ONNX";
    let mut weights = vec![];
    for field in fields(network) {
        let field = field.map_err(malformed)?;
        let (onnx::MODEL_GRAPH, Content::Bytes(graph)) = (field.number, field.content) else { continue };
        for field in fields(graph) {
            let field = field.map_err(malformed)?;
            if let (onnx::GRAPH_INITIALIZER, Content::Bytes(tensor)) = (field.number, field.content) {
                weights.push(weight(tensor)?);
            }
        }
    }
    if weights.is_empty() { Err("it has no weights to fill") } else { Ok(weights) }
}

fn weight(tensor: &[u8]) -> Result<Weight, &'static str> {
    let mut weight = Weight { name: String::new(), shape: vec![] };
    for field in fields(tensor) {
        let Field { number, content, .. } = field.map_err(|Malformed| "it is not ONNX")?;
        match (number, content) {
            (onnx::TENSOR_DIMS, Content::Number(size)) => weight.shape.push(size),
            (onnx::TENSOR_DIMS, Content::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    weight.shape.push(varint(&mut packed).map_err(|_| "it is not ONNX")?);
                }
            }
            (onnx::TENSOR_DATA_TYPE, Content::Number(onnx::FLOAT)) => {}
            (onnx::TENSOR_NAME, Content::Bytes(name)) => {
                weight.name = std::str::from_utf8(name).map_err(|_| "it is not ONNX")?.to_owned();
            }
            _ => return Err("one of its weights has data or is no 32-bit float"),
        }
    }
    Ok(weight)
}

/// An initializer of the model file.
struct Initializer<'a> {
    weight: &'a Weight,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    F32,
    F16,
    /// Whole numbers, and their factors.
    I8,
    Factors,
}

fn initializers(weight: &Weight, precision: Precision) -> Vec<Initializer<'_>> {
    let kinds: &[Kind] = match weight.storage(precision) {
        Precision::F32 => &[Kind::F32],
        Precision::F16 => &[Kind::F16],
        Precision::I8 => &[Kind::I8, Kind::Factors],
    };
    kinds.iter().map(|&kind| Initializer { weight, kind }).collect()
}

/// The nodes that make 32-bit floats of what is stored.
fn nodes(weight: &Weight, precision: Precision) -> Vec<Vec<u8>> {
    let name = |kind| Initializer { weight, kind }.name();
    match weight.storage(precision) {
        Precision::F32 => vec![],
        Precision::F16 => vec![cast_to_float(&name(Kind::F16), &weight.name)],
        Precision::I8 => {
            let whole = format!("{}.float", name(Kind::I8));
            vec![
                cast_to_float(&name(Kind::I8), &whole),
                node("Mul", &[&whole, &name(Kind::Factors)], &weight.name, None),
            ]
        }
    }
}

fn cast_to_float(input: &str, output: &str) -> Vec<u8> {
    let mut to = vec![];
    push_bytes(&mut to, onnx::ATTRIBUTE_NAME, b"to");
    push_number(&mut to, onnx::ATTRIBUTE_INT, onnx::FLOAT);
    push_number(&mut to, onnx::ATTRIBUTE_TYPE, onnx::INT);
    node("Cast", &[input], output, Some(&to))
}

fn node(op_type: &str, inputs: &[&str], output: &str, attribute: Option<&[u8]>) -> Vec<u8> {
    let mut node = vec![];
    inputs.iter().for_each(|input| push_bytes(&mut node, onnx::NODE_INPUT, input.as_bytes()));
    push_bytes(&mut node, onnx::NODE_OUTPUT, output.as_bytes());
    push_bytes(&mut node, onnx::NODE_NAME, format!("{op_type} {output}").as_bytes());
    push_bytes(&mut node, onnx::NODE_OP_TYPE, op_type.as_bytes());
    attribute.into_iter().for_each(|attribute| push_bytes(&mut node, onnx::NODE_ATTRIBUTE, attribute));
    node
}

impl Initializer<'_> {
    fn name(&self) -> String {
        let suffix = match self.kind {
            Kind::F32 => "",
            Kind::F16 => ".f16",
            Kind::I8 => ".i8",
            Kind::Factors => ".factors",
        };
        format!("{}{suffix}", self.weight.name)
    }

    /// Tag, length and fields up to the data.
    fn beginning(&self) -> Vec<u8> {
        let mut tensor = vec![];
        for (axis, &size) in self.weight.shape.iter().enumerate() {
            let size = if self.kind == Kind::Factors && axis > 0 { 1 } else { size };
            push_number(&mut tensor, onnx::TENSOR_DIMS, size);
        }
        let data_type = match self.kind {
            Kind::F32 | Kind::Factors => onnx::FLOAT,
            Kind::F16 => onnx::FLOAT16,
            Kind::I8 => onnx::INT8,
        };
        push_number(&mut tensor, onnx::TENSOR_DATA_TYPE, data_type);
        push_bytes(&mut tensor, onnx::TENSOR_NAME, self.name().as_bytes());
        push_length(&mut tensor, onnx::TENSOR_RAW_DATA, self.data_bytes());
        let mut beginning = vec![];
        push_length(&mut beginning, onnx::GRAPH_INITIALIZER, tensor.len() as u64 + self.data_bytes());
        beginning.extend(tensor);
        beginning
    }

    fn data_bytes(&self) -> u64 {
        match self.kind {
            Kind::F32 => 4 * self.weight.elements(),
            Kind::F16 => 2 * self.weight.elements(),
            Kind::I8 => self.weight.elements(),
            Kind::Factors => 4 * self.weight.shape[0],
        }
    }

    /// The data, little-endian.
    fn data(&self, values: &[f32]) -> Result<Vec<u8>> {
        let mut data = reserved(self.data_bytes() as usize, "a tensor of the model")?;
        let channel = values.len() / self.weight.shape.first().map_or(1, |&size| size.max(1) as usize);
        let channels = values.chunks_exact(channel.max(1));
        match self.kind {
            Kind::F32 => data.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Kind::F16 => data.extend(values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes())),
            Kind::I8 => {
                for values in channels {
                    let factor = factor(values);
                    data.extend(values.iter().map(|value| match factor {
                        0.0 => 0,
                        factor => (value / factor).round_ties_even() as i8 as u8,
                    }));
                }
            }
            Kind::Factors => data.extend(channels.flat_map(|values| factor(values).to_le_bytes())),
        }
        if self.kind == Kind::F16 && values.iter().any(|value| value.abs() > f16::MAX.to_f32()) {
            return Err(Error::new(
                Code::BadOption,
                format!("{} has values too large for 16 bits; use the precision f32", self.weight.name),
            ));
        }
        Ok(data)
    }
}

/// What the whole numbers of a channel are multiplied by; the largest is 127.
fn factor(values: &[f32]) -> f32 {
    values.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0
}

/// Counts and hashes what is written.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    bytes: u64,
}

impl Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out
            .write_all(bytes)
            .map_err(|e| Error::new(Code::Io, format!("the model file cannot be written: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(name: &str, shape: &[u64]) -> Weight {
        Weight { name: name.into(), shape: shape.into() }
    }

    #[test]
    fn tensors_are_stored_by_their_kind() {
        let (bias, small, large) = (weight("b", &[1 << 14]), weight("s", &[64, 64]), weight("l", &[64, 128]));
        for precision in Precision::ALL {
            assert_eq!(bias.storage(precision), Precision::F32);
            assert_eq!(large.storage(precision), precision);
            assert_eq!(Precision::from_name(precision.name()).unwrap(), precision);
        }
        assert_eq!(small.storage(Precision::I8), Precision::F16);
        assert_eq!(Precision::from_name("f64").unwrap_err().code(), Code::BadOption);
    }

    #[test]
    fn whole_numbers_times_their_factors_are_the_values() {
        let weight = weight("w", &[3, 2, 2]);
        let values = [1.0, -2.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0, 1e-3, 2e-3, 3e-3, -127e-3];
        let data = |kind| Initializer { weight: &weight, kind }.data(&values).unwrap();
        let factors: Vec<f32> =
            data(Kind::Factors).as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(factors, [2.0 / 127.0, 0.0, 1e-3]);
        let whole: Vec<i8> = data(Kind::I8).iter().map(|&byte| byte as i8).collect();
        // 63.5 is rounded to the even neighbour.
        assert_eq!(whole, [64, -127, 32, 16, 0, 0, 0, 0, 1, 2, 3, -127]);
    }

    #[test]
    fn values_beyond_16_bits_are_refused() {
        let weight = weight("w", &[1, 2]);
        let initializer = Initializer { weight: &weight, kind: Kind::F16 };
        assert_eq!(initializer.data(&[1.0, 65504.0]).unwrap(), [0x00, 0x3c, 0xff, 0x7b]);
        let error = initializer.data(&[1.0, -65520.0]).unwrap_err();
        assert!(error.code() == Code::BadOption && error.message().contains("f32"), "{error}");
    }

    #[test]
    fn a_template_has_weights_without_data() {
        let card = include_str!("../../models/m2fp/multi.json");
        let mut tensor = vec![];
        push_number(&mut tensor, onnx::TENSOR_DIMS, 4);
        push_number(&mut tensor, onnx::TENSOR_DATA_TYPE, onnx::FLOAT);
        push_bytes(&mut tensor, onnx::TENSOR_NAME, b"w");
        let network = |tensor: &[u8]| {
            let (mut graph, mut model) = (vec![], vec![]);
            push_bytes(&mut graph, onnx::GRAPH_INITIALIZER, tensor);
            push_bytes(&mut model, onnx::MODEL_GRAPH, &graph);
            model
        };
        let template = Template::new(card, network(&tensor)).unwrap();
        assert_eq!(template.weights, [weight("w", &[4])]);
        let mut filled = tensor.clone();
        push_bytes(&mut filled, onnx::TENSOR_RAW_DATA, &[0; 16]);
        for network in [network(&filled), network(&tensor)[1..].to_vec(), vec![]] {
            assert_eq!(Template::new(card, network).err().unwrap().code(), Code::BadModel);
        }
        let with_files =
            card.replace("\"files\": []", r#""files": [{"path": "a", "bytes": 1, "sha256": ""}]"#);
        assert_eq!(Template::new(&with_files, network(&tensor)).err().unwrap().code(), Code::BadCard);
    }
}
