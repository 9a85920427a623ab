//! What the network is made of: its operations and the place of its parameters.
//!
//! Strided 3×3 convolutions with batch normalisation and ReLU bring the picture to strides 2, 4,
//! 8, 16 and 32, with a residual block (He et al. 2016) at each of the last three. A feature
//! pyramid (Lin et al. 2017) adds the coarse maps back to stride 8, where one 3×3 convolution and
//! a 1×1 convolution give, per cell, four box values and one logit per class.

use std::ops::Range;

use super::LANES;
use super::conv::ConvShape;

/// Pixels from one output cell to the next.
pub const STRIDE: usize = 8;

/// The picture's sides must be multiples of this, the coarsest stride.
pub const SIDE_MULTIPLE: usize = 32;

/// Channels of the output that hold the box: x and y offset, log width, log height.
pub const BOX_CHANNELS: usize = 4;

/// A convolution with batch normalisation, and the place of its values.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Name, as in the weights file.
    pub name: &'static str,
    /// Shape of the convolution.
    pub conv: ConvShape,
    /// Place of the convolution's weights among the parameters.
    pub weight: Range<usize>,
    /// Place of the normalisation's scale among the parameters.
    pub gamma: Range<usize>,
    /// Place of the normalisation's shift among the parameters.
    pub beta: Range<usize>,
    /// Place of the running mean among the buffers.
    pub mean: Range<usize>,
    /// Place of the running variance among the buffers.
    pub variance: Range<usize>,
}

/// The last convolution: with a bias, without normalisation.
#[derive(Debug, Clone)]
pub struct Output {
    /// Shape; the outputs are padded up to a multiple of [`LANES`].
    pub conv: ConvShape,
    /// Place of the weights among the parameters.
    pub weight: Range<usize>,
    /// Place of the bias among the parameters.
    pub bias: Range<usize>,
}

/// One operation; operands are the indices of earlier operations.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// The picture.
    Input,
    /// Unit `unit` of `x`.
    Unit {
        /// Index into [`Structure::units`].
        unit: usize,
        /// Operand.
        x: usize,
        /// Whether a ReLU follows.
        relu: bool,
    },
    /// `max(a + b, 0)`.
    AddRelu {
        /// Operand.
        a: usize,
        /// Operand.
        b: usize,
    },
    /// `fine` plus `coarse` enlarged twofold.
    UpsampleAdd {
        /// Operand.
        coarse: usize,
        /// Operand.
        fine: usize,
    },
    /// The last convolution.
    Output {
        /// Operand.
        x: usize,
    },
}

/// The network's operations in order, and the place of its parameters.
#[derive(Debug, Clone)]
pub struct Structure {
    /// Operations in order; the last is [`Op::Output`].
    pub ops: Vec<Op>,
    /// Convolutions with normalisation.
    pub units: Vec<Unit>,
    /// The last convolution.
    pub output: Output,
    /// Number of classes.
    pub classes: usize,
    /// Number of trained values.
    pub parameters: usize,
    /// Number of running statistics.
    pub buffers: usize,
}

/// Returns the channels at strides 2, 4, 8, 16, 32 for a width multiplier.
fn channels(width: f32) -> [usize; 5] {
    [16.0, 32.0, 64.0, 96.0, 128.0f32]
        .map(|base| ((base * width / LANES as f32).round() as usize).max(1) * LANES)
}

impl Structure {
    /// Returns the network for a width multiplier and a number of classes.
    pub fn new(width: f32, classes: usize) -> Self {
        let [c2, c4, c8, c16, c32] = channels(width);
        let mut build = Builder::default();
        let input = build.op(Op::Input);
        let s2 = build.unit("stem2", input, (3, c2, 3, 2), true);
        let s4 = build.unit("stem4", s2, (c2, c4, 3, 2), true);
        let s8 = build.unit("down8", s4, (c4, c8, 3, 2), true);
        let s8 = build.residual(["res8a", "res8b"], s8, c8);
        let s16 = build.unit("down16", s8, (c8, c16, 3, 2), true);
        let s16 = build.residual(["res16a", "res16b"], s16, c16);
        let s32 = build.unit("down32", s16, (c16, c32, 3, 2), true);
        let s32 = build.residual(["res32a", "res32b"], s32, c32);
        let lateral32 = build.unit("lateral32", s32, (c32, c8, 1, 1), false);
        let lateral16 = build.unit("lateral16", s16, (c16, c8, 1, 1), false);
        let p16 = build.op(Op::UpsampleAdd { coarse: lateral32, fine: lateral16 });
        let p8 = build.op(Op::UpsampleAdd { coarse: p16, fine: s8 });
        let head = build.unit("head", p8, (c8, c8, 3, 1), true);
        build.op(Op::Output { x: head });
        let outputs = (BOX_CHANNELS + classes).next_multiple_of(LANES);
        let conv = ConvShape { inputs: c8, outputs, kernel: 1, stride: 1 };
        let output = Output {
            conv,
            weight: build.parameters(conv.weights()),
            bias: build.parameters(outputs),
        };
        Self {
            ops: build.ops,
            units: build.units,
            output,
            classes,
            parameters: build.parameters,
            buffers: build.buffers,
        }
    }
}

#[derive(Default)]
struct Builder {
    ops: Vec<Op>,
    units: Vec<Unit>,
    parameters: usize,
    buffers: usize,
}

impl Builder {
    fn op(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    fn parameters(&mut self, len: usize) -> Range<usize> {
        self.parameters += len;
        self.parameters - len..self.parameters
    }

    fn buffers(&mut self, len: usize) -> Range<usize> {
        self.buffers += len;
        self.buffers - len..self.buffers
    }

    fn unit(
        &mut self,
        name: &'static str,
        x: usize,
        (inputs, outputs, kernel, stride): (usize, usize, usize, usize),
        relu: bool,
    ) -> usize {
        let conv = ConvShape { inputs, outputs, kernel, stride };
        let unit = Unit {
            name,
            conv,
            weight: self.parameters(conv.weights()),
            gamma: self.parameters(outputs),
            beta: self.parameters(outputs),
            mean: self.buffers(outputs),
            variance: self.buffers(outputs),
        };
        self.units.push(unit);
        self.op(Op::Unit { unit: self.units.len() - 1, x, relu })
    }

    fn residual(&mut self, [a, b]: [&'static str; 2], x: usize, channels: usize) -> usize {
        let first = self.unit(a, x, (channels, channels, 3, 1), true);
        let second = self.unit(b, first, (channels, channels, 3, 1), false);
        self.op(Op::AddRelu { a: x, b: second })
    }
}
