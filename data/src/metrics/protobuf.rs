//! The parts of TensorBoard's messages that hold numbers. Field numbers are TensorFlow's; all else is passed over.

/// `tensorflow.Event`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(float, optional, tag = "2")]
    pub(super) simple: Option<f32>,
    #[prost(message, optional, tag = "8")]
    pub(super) tensor: Option<Tensor>,
}

/// `tensorflow.TensorProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tensor {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(super) floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(super) doubles: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    pub(super) ints: Vec<i32>,
    #[prost(int64, repeated, tag = "10")]
    pub(super) longs: Vec<i64>,
}

/// `tensorflow.TensorShapeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(super) sizes: Vec<Size>,
}

/// `tensorflow.TensorShapeProto.Dim`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Size {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

impl Value {
    /// The number, where it is one.
    pub(super) fn number(&self) -> Option<f64> {
        self.simple.map(f64::from).or_else(|| self.tensor.as_ref()?.number())
    }
}

impl Tensor {
    fn number(&self) -> Option<f64> {
        let is_single = self.shape.as_ref().is_none_or(|shape| shape.sizes.iter().all(|size| size.size == 1));
        if !is_single {
            return None;
        }
        match self.kind {
            1 => self.only(&self.floats, f32::from_le_bytes).map(f64::from),
            2 => self.only(&self.doubles, f64::from_le_bytes),
            3 => self.only(&self.ints, i32::from_le_bytes).map(f64::from),
            9 => self.only(&self.longs, i64::from_le_bytes).map(|number| number as f64),
            _ => None,
        }
    }

    /// The only element, which is among the numbers of its kind or in the bytes of the content.
    fn only<T: Copy, const N: usize>(&self, listed: &[T], read: fn([u8; N]) -> T) -> Option<T> {
        match listed {
            [only] => Some(*only),
            [] => self.content.as_slice().try_into().ok().map(read),
            _ => None,
        }
    }
}
