//! Boxes and overlap.

/// A box by its edges, in pixels; `x1` and `y1` lie just outside, so that width is `x1 − x0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Bottom edge.
    pub y1: f32,
}

impl Rect {
    /// Returns the width.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Returns the height.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Returns the area, zero for an empty box.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Returns the part within `width × height` pixels.
    pub fn clip(&self, width: f32, height: f32) -> Self {
        Self {
            x0: self.x0.clamp(0.0, width),
            y0: self.y0.clamp(0.0, height),
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
        }
    }

    /// Returns the box with its coordinates multiplied by `factor`.
    pub fn scale(&self, factor: f32) -> Self {
        Self {
            x0: self.x0 * factor,
            y0: self.y0 * factor,
            x1: self.x1 * factor,
            y1: self.y1 * factor,
        }
    }

    /// Returns the intersection over union with another box, in `[0, 1]`.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.x1.min(other.x1) - self.x0.max(other.x0);
        let height = self.y1.min(other.y1) - self.y0.max(other.y0);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let common = width * height;
        common / (self.area() + other.area() - common)
    }
}

/// A ground-truth box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Where.
    pub rect: Rect,
    /// Index of the class.
    pub class: usize,
}

/// A detected box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where.
    pub rect: Rect,
    /// Index of the class.
    pub class: usize,
    /// Probability of the class, in `(0, 1)`.
    pub score: f32,
    /// Probability of the next likeliest class at the same place; 0 with one class.
    pub runner_up: f32,
}
