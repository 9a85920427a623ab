//! Every gradient against finite differences along random directions.

use ymir_detector::detect::boxes::{Rect, Truth};
use ymir_detector::detect::loss::loss;
use ymir_detector::nn::conv::ConvShape;
use ymir_detector::nn::map::Map;
use ymir_detector::nn::params::Params;
use ymir_detector::nn::rng::Rng;
use ymir_detector::nn::structure::Structure;
use ymir_detector::nn::{elementwise, norm};

/// Half the distance between the two points of a finite difference.
const STEP: f32 = 2e-3;

fn random_map(n: usize, h: usize, w: usize, c: usize, rng: &mut Rng) -> Map {
    let mut map = Map::zeros(n, h, w, c);
    for i in 0..n {
        for y in 0..h {
            map.row_mut(i, y).fill_with(|| rng.normal());
        }
    }
    map
}

fn random_values(len: usize, rng: &mut Rng) -> Vec<f32> {
    (0..len).map(|_| rng.normal()).collect()
}

/// Returns the inner product over the interior cells, where alone gradients are defined.
fn dot(a: &Map, b: &Map) -> f64 {
    let mut sum = 0.0;
    for i in 0..a.n {
        for y in 0..a.h {
            sum += dot_values(a.row(i, y), b.row(i, y));
        }
    }
    sum
}

fn dot_values(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn moved(map: &Map, direction: &Map, step: f32) -> Map {
    let mut map = map.clone();
    for (value, by) in map.data_mut().iter_mut().zip(direction.data()) {
        *value += step * by;
    }
    map
}

fn moved_values(values: &[f32], direction: &[f32], step: f32) -> Vec<f32> {
    values.iter().zip(direction).map(|(value, by)| value + step * by).collect()
}

fn slope(f: impl Fn(f32) -> f64) -> f64 {
    (f(STEP) - f(-STEP)) / (2.0 * f64::from(STEP))
}

#[track_caller]
fn assert_close(numeric: f64, analytic: f64, tolerance: f64) {
    let scale = numeric.abs().max(analytic.abs()).max(1.0);
    assert!(
        (numeric - analytic).abs() <= tolerance * scale,
        "finite difference {numeric}, gradient {analytic}"
    );
}

#[test]
fn convolution() {
    let mut rng = Rng::new(1);
    for (inputs, outputs, kernel, stride, h, w) in
        [(3, 16, 3, 2, 10, 14), (16, 32, 3, 1, 5, 13), (32, 16, 3, 2, 7, 9), (16, 48, 1, 1, 4, 17)]
    {
        let conv = ConvShape { inputs, outputs, kernel, stride };
        let x = random_map(2, h, w, inputs, &mut rng);
        let weights = random_values(conv.weights(), &mut rng);
        let bias = random_values(outputs, &mut rng);
        let y = conv.forward(&x, &weights, Some(&bias), false);
        let dy = random_map(y.n, y.h, y.w, y.c, &mut rng);

        let direction = random_values(weights.len(), &mut rng);
        let mut dw = vec![0.0; weights.len()];
        conv.backward_weight(&x, &dy, &mut dw);
        let numeric = slope(|step| {
            let weights = moved_values(&weights, &direction, step);
            dot(&conv.forward(&x, &weights, Some(&bias), false), &dy)
        });
        assert_close(numeric, dot_values(&dw, &direction), 1e-3);

        // The picture's own gradient is never needed, so it takes inputs of whole lanes.
        if inputs % 16 == 0 {
            let direction = random_map(x.n, x.h, x.w, x.c, &mut rng);
            let dx = conv.backward_input(&x, &weights, &dy);
            let numeric = slope(|step| {
                let x = moved(&x, &direction, step);
                dot(&conv.forward(&x, &weights, Some(&bias), false), &dy)
            });
            assert_close(numeric, dot(&dx, &direction), 1e-3);
        }
    }
}

#[test]
fn convolution_matches_the_definition() {
    let mut rng = Rng::new(2);
    let conv = ConvShape { inputs: 3, outputs: 16, kernel: 3, stride: 2 };
    let x = random_map(1, 5, 6, 3, &mut rng);
    let weights = random_values(conv.weights(), &mut rng);
    let y = conv.forward(&x, &weights, None, true);
    assert_eq!((y.h, y.w, y.c), (3, 3, 16));
    for (row, column, output) in [(0, 0, 0), (1, 1, 7), (2, 2, 15)] {
        let mut sum = 0.0;
        for ky in 0..3 {
            for kx in 0..3 {
                let (at_y, at_x) = ((2 * row + ky) as isize - 1, (2 * column + kx) as isize - 1);
                if !(0..5).contains(&at_y) || !(0..6).contains(&at_x) {
                    continue;
                }
                for k in 0..3 {
                    let value = x.row(0, at_y as usize)[at_x as usize * 3 + k];
                    sum += value * weights[((ky * 3 + kx) * 3 + k) * 16 + output];
                }
            }
        }
        let found = y.row(0, row)[column * 16 + output];
        assert!((found - sum.max(0.0)).abs() < 1e-4, "{found} is not {sum}");
    }
}

#[test]
fn batch_normalisation() {
    let mut rng = Rng::new(3);
    let z = random_map(2, 5, 6, 16, &mut rng);
    let mut dy = random_map(2, 5, 6, 16, &mut rng);
    let gamma = random_values(16, &mut rng);
    let beta = random_values(16, &mut rng);
    // Where a ReLU switches within the step, the difference is no derivative: leave those out.
    let corners = norm::forward(&z, &norm::batch_stats(&z), &gamma, &beta, false);
    for (dy, y) in dy.data_mut().iter_mut().zip(corners.data()) {
        *dy = if y.abs() < 20.0 * STEP { 0.0 } else { *dy };
    }
    for relu in [false, true] {
        let value = |z: &Map, gamma: &[f32], beta: &[f32]| {
            dot(&norm::forward(z, &norm::batch_stats(z), gamma, beta, relu), &dy)
        };
        let stats = norm::batch_stats(&z);
        let y = norm::forward(&z, &stats, &gamma, &beta, relu);
        let mut dz = dy.clone();
        let grads = norm::backward(&z, &stats, &gamma, relu.then_some(&y), &mut dz);

        let direction = random_map(2, 5, 6, 16, &mut rng);
        let numeric = slope(|step| value(&moved(&z, &direction, step), &gamma, &beta));
        assert_close(numeric, dot(&dz, &direction), 5e-3);
        let direction = random_values(16, &mut rng);
        let numeric = slope(|step| value(&z, &moved_values(&gamma, &direction, step), &beta));
        assert_close(numeric, dot_values(&grads.gamma, &direction), 5e-3);
        let numeric = slope(|step| value(&z, &gamma, &moved_values(&beta, &direction, step)));
        assert_close(numeric, dot_values(&grads.beta, &direction), 5e-3);
    }
}

#[test]
fn sum_and_upsampling() {
    let mut rng = Rng::new(4);
    let (a, b) = (random_map(2, 4, 6, 16, &mut rng), random_map(2, 4, 6, 16, &mut rng));
    let dy = random_map(2, 4, 6, 16, &mut rng);
    let direction = random_map(2, 4, 6, 16, &mut rng);
    let mut dx = dy.clone();
    elementwise::relu_backward(&elementwise::add_relu(&a, &b), &mut dx);
    let numeric = slope(|step| dot(&elementwise::add_relu(&moved(&a, &direction, step), &b), &dy));
    assert_close(numeric, dot(&dx, &direction), 5e-3);

    let coarse = random_map(2, 2, 3, 16, &mut rng);
    let direction = random_map(2, 2, 3, 16, &mut rng);
    let dx = elementwise::upsample_backward(&coarse, &dy);
    let numeric =
        slope(|step| dot(&elementwise::upsample_add(&moved(&coarse, &direction, step), &a), &dy));
    assert_close(numeric, dot(&dx, &direction), 1e-3);
}

fn truth(x0: f32, y0: f32, x1: f32, y1: f32, class: usize) -> Truth {
    Truth { rect: Rect { x0, y0, x1, y1 }, class }
}

#[test]
fn loss_of_each_channel() {
    let mut rng = Rng::new(5);
    let truths =
        vec![vec![truth(3.0, 5.0, 30.0, 44.0, 0), truth(40.0, 8.0, 60.0, 20.0, 1)], Vec::new()];
    let output = random_map(2, 8, 8, 16, &mut rng);
    let gradient = loss(&output, &truths, 2).gradient;
    for channel in 0..6 {
        let mut direction = output.zeros_like();
        for i in 0..2 {
            for y in 0..8 {
                for cell in direction.row_mut(i, y).chunks_mut(16) {
                    cell[channel] = rng.normal();
                }
            }
        }
        let numeric =
            slope(|step| f64::from(loss(&moved(&output, &direction, step), &truths, 2).value));
        let analytic = dot(&gradient, &direction);
        assert!(
            (numeric - analytic).abs() < 0.02 * analytic.abs() + 2e-3,
            "channel {channel}: finite difference {numeric}, gradient {analytic}"
        );
    }
}

#[test]
fn whole_network() {
    let mut rng = Rng::new(6);
    let structure = Structure::new(0.5, 2);
    let mut params = Params::random(&structure, [0.5; 2], 7);
    // An identity residual block would hide the gradient of its own weights.
    for unit in &structure.units {
        params.values[unit.gamma.clone()].fill_with(|| rng.range(0.5, 1.5));
    }
    let input = random_map(2, 64, 64, 3, &mut rng);
    let truths = vec![vec![truth(8.0, 8.0, 40.0, 30.0, 0)], vec![truth(20.0, 9.0, 60.0, 60.0, 1)]];
    let value = |values: Vec<f32>| {
        let mut params = Params { values, buffers: params.buffers.clone() };
        let trace = structure.forward_train(&mut params, input.clone());
        f64::from(loss(trace.output(), &truths, 2).value)
    };
    let mut at = params.clone();
    let trace = structure.forward_train(&mut at, input.clone());
    let d_output = loss(trace.output(), &truths, 2).gradient;
    let gradient = structure.backward(&params, &trace, d_output);
    let ranges = structure.units.iter().map(|unit| (unit.name, unit.weight.clone()));
    for (name, range) in ranges.chain([("output", structure.output.weight.clone())]) {
        // Along the gradient itself the slope is large beside the noise of 32-bit sums; the step
        // is small, so that few ReLUs switch on the way.
        let part = &gradient[range.clone()];
        let length = dot_values(part, part).sqrt();
        let slope_at = |step: f32| {
            let mut values = params.values.clone();
            for (value, by) in values[range.clone()].iter_mut().zip(part) {
                *value += step * by / length as f32;
            }
            value(values)
        };
        let numeric = slope(slope_at);
        assert!((numeric - length).abs() < 0.1 * length, "{name}: {numeric} is not {length}");
    }
}
