//! Training.

use std::path::Path;

use rayon::prelude::*;

use super::detector::Detector;
use super::stages::Stages;
use super::{Report, prepare};
use crate::contract::env::Env;
use crate::contract::settings::{EVALUATION_SCORE, TrainSettings};
use crate::data::augment;
use crate::data::dataset::Cached;
use crate::data::picture::{self, Canvas, Shape};
use crate::detect::average_precision::{Evaluation, evaluate};
use crate::detect::boxes::Truth;
use crate::detect::decode::DecodeOptions;
use crate::detect::loss;
use crate::error::{Code, Error, Result};
use crate::model::{Meta, Model};
use crate::nn::map::Map;
use crate::nn::optimizer::Optimizer;
use crate::nn::rng::Rng;

/// Training pictures are cached this much larger than the canvas, so that zooming in stays sharp.
const OVERSAMPLE: f32 = 1.25;
/// Pictures that are evaluated at once.
const EVALUATION_BATCH: usize = 16;
/// Log lines about the loss, over the whole training.
const LOG_LINES: usize = 20;
/// Part of the progress that reading the sets makes up.
const PREPARED: f64 = 0.02;

/// Trains a model and writes its stages.
pub fn train(env: &Env, settings: &TrainSettings, report: Report<'_>) -> Result<()> {
    let mut session = Session::prepare(env, settings, report)?;
    let mut stages = Stages::new(&env.output, settings.max_stages, settings.score_threshold);
    let mut optimizer = Optimizer::new(
        &session.model.structure,
        &session.model.params,
        settings.steps,
        settings.learning_rate,
        settings.weight_decay,
    );
    let mut order = Order::new(session.train.samples().len(), settings.seed);
    let first_step = session.model.meta.step;
    let mut running = 0.0;
    for step in 1..=settings.steps {
        let value = session.step(step, &mut order, &mut optimizer)?;
        running += (value - running) * (1.0 / step as f32).max(0.1);
        report
            .monitor
            .progress(PREPARED + (1.0 - PREPARED) * step as f64 / (settings.steps + 1) as f64);
        if step % (settings.steps / LOG_LINES).max(1) == 0 {
            report.log.info(&format!("step {step}/{} loss {running:.4}", settings.steps));
        }
        if is_evaluation(step, settings.steps, settings.evaluations) {
            let averaged = Model { params: optimizer.averaged().clone(), ..session.model.clone() };
            session.save(averaged, first_step + step, &mut stages)?;
        }
    }
    if let Some(best) = stages.best() {
        report.log.info(&format!("best stage {} with mAP {:.4}", best.stage_name, best.map));
    }
    Ok(())
}

/// Returns whether one of `count` evaluations, spread evenly up to the end, follows a step.
fn is_evaluation(step: usize, steps: usize, count: usize) -> bool {
    step * count / steps > (step - 1) * count / steps
}

/// Goes through the training set in a new random order each time.
struct Order {
    rng: Rng,
    indices: Vec<usize>,
    next: usize,
}

impl Order {
    fn new(len: usize, seed: u64) -> Self {
        Self { rng: Rng::stream(seed, 1), indices: (0..len).collect(), next: len }
    }

    fn take(&mut self) -> usize {
        if self.next == self.indices.len() {
            self.rng.shuffle(&mut self.indices);
            self.next = 0;
        }
        self.next += 1;
        self.indices[self.next - 1]
    }
}

/// The data and the model of a training run.
struct Session<'a> {
    settings: &'a TrainSettings,
    report: Report<'a>,
    train: Cached,
    val: Option<Cached>,
    canvas: Canvas,
    model: Model,
}

impl<'a> Session<'a> {
    fn prepare(env: &Env, settings: &'a TrainSettings, report: Report<'a>) -> Result<Self> {
        let log = report.log;
        let index_file = &env.input.training_index_file;
        let samples = prepare::read_set("training", index_file, settings, log)?;
        prepare::check_training_set(&samples, index_file)?;
        let canvas = prepare::canvas(settings.input_size, &samples);
        let model = initial_model(settings, &samples, canvas, report)?;
        let mut budget = settings.cache_bytes;
        let train = Cached::new(samples, canvas, OVERSAMPLE, &mut budget, log);
        prepare::check_training_set(train.samples(), index_file)?;
        let val = validation_set(&env.input.val_index_file, settings, report)?
            .map(|samples| Cached::new(samples, canvas, 1.0, &mut budget, log));
        log.info(&format!(
            "input {}×{}, {} parameters, {} threads",
            canvas.width,
            canvas.height,
            model.structure.parameters,
            rayon::current_num_threads()
        ));
        report.monitor.progress(PREPARED);
        Ok(Self { settings, report, train, val, canvas, model })
    }

    /// Makes one training step and returns its loss.
    fn step(&mut self, step: usize, order: &mut Order, optimizer: &mut Optimizer) -> Result<f32> {
        let (input, truths) = self.batch(step, order);
        let model = &mut self.model;
        let trace = model.structure.forward_train(&mut model.params, input);
        let loss = loss::loss(trace.output(), &truths, model.structure.classes);
        if !loss.value.is_finite() {
            return Err(Error::new(
                Code::NotANumber,
                format!(
                    "the loss is {} at step {step}; try a learning_rate below {}",
                    loss.value, self.settings.learning_rate
                ),
            ));
        }
        let gradient = model.structure.backward(&model.params, &trace, loss.gradient);
        optimizer.step(&mut model.params, &gradient);
        Ok(loss.value)
    }

    /// Returns the next batch of pictures, changed at random, and the boxes on them. A picture
    /// whose file cannot be decoded any more stays empty.
    fn batch(&self, step: usize, order: &mut Order) -> (Map, Vec<Vec<Truth>>) {
        let size = self.settings.batch_size;
        let chosen: Vec<usize> = (0..size).map(|_| order.take()).collect();
        let mut input = Map::zeros(size, self.canvas.height, self.canvas.width, 3);
        let (shape, len) = (Shape::of(&input), input.image_len());
        let truths = input
            .data_mut()
            .par_chunks_mut(len)
            .zip(&chosen)
            .enumerate()
            .map(|(slot, (input, index))| {
                let picture = match self.train.picture(*index) {
                    Ok(picture) => picture,
                    Err(message) => {
                        self.report.log.warn(&format!("image left out: {message}"));
                        return Vec::new();
                    }
                };
                let mut rng = Rng::stream(self.settings.seed, (step * size + slot + 2) as u64);
                let placement =
                    augment::place(&picture, self.canvas, &self.settings.augment, &mut rng);
                picture::draw(&picture, &placement, input, &shape);
                let truths = &self.train.samples()[*index].truths;
                augment::move_truths(truths, &picture, &placement, self.canvas)
            })
            .collect();
        (input, truths)
    }

    /// Evaluates a model on the validation set and saves it as a stage.
    fn save(&self, mut model: Model, step: usize, stages: &mut Stages<'_>) -> Result<()> {
        let evaluation = self.val.as_ref().map(|val| self.evaluate(&model, val));
        model.meta.step = step;
        model.meta.map = evaluation.as_ref().map(|e| e.map);
        if let Some(evaluation) = &evaluation {
            self.log_evaluation(step, evaluation);
        }
        stages.save(&model, evaluation.as_ref())
    }

    fn evaluate(&self, model: &Model, val: &Cached) -> Evaluation {
        let options =
            DecodeOptions { score_threshold: EVALUATION_SCORE, nms_iou: self.settings.nms_iou };
        let detector = Detector::new(&model.structure, &model.params, self.canvas, options);
        let indices: Vec<usize> = (0..val.samples().len()).collect();
        let mut images = Vec::with_capacity(indices.len());
        for batch in indices.chunks(EVALUATION_BATCH) {
            let loaded: Vec<_> = batch
                .par_iter()
                .filter_map(|index| Some((*index, val.picture(*index).ok()?)))
                .collect();
            let pictures: Vec<&picture::Picture> = loaded.iter().map(|(_, p)| &**p).collect();
            for ((index, _), detections) in loaded.iter().zip(detector.detect(&pictures)) {
                images.push((detections, val.samples()[*index].truths.clone()));
            }
        }
        evaluate(&images, model.structure.classes, self.settings.score_threshold)
    }

    fn log_evaluation(&self, step: usize, evaluation: &Evaluation) {
        let per_class: Vec<String> = self
            .settings
            .classes
            .names()
            .iter()
            .zip(&evaluation.class_ap)
            .filter_map(|(name, ap)| Some(format!("{name} {:.3}", (*ap)?)))
            .collect();
        self.report.log.info(&format!(
            "step {step} validation mAP {:.4} ({})",
            evaluation.map,
            per_class.join(", ")
        ));
    }
}

/// Reads the validation set; none if there is none or nothing in it.
fn validation_set(
    index_file: &Path,
    settings: &TrainSettings,
    report: Report<'_>,
) -> Result<Option<Vec<crate::data::dataset::Sample>>> {
    if index_file.as_os_str().is_empty() || !index_file.exists() {
        report.log.warn("no validation set: mAP is not measured and the last stage is the best");
        return Ok(None);
    }
    let samples = prepare::read_set("validation", index_file, settings, report.log)?;
    if samples.iter().all(|sample| sample.truths.is_empty()) {
        report.log.warn(
            "the validation set has no boxes: mAP is not measured and the last stage is the best",
        );
        return Ok(None);
    }
    Ok(Some(samples))
}

/// Returns the model to start from: the pretrained one, or an untrained one.
fn initial_model(
    settings: &TrainSettings,
    samples: &[crate::data::dataset::Sample],
    canvas: Canvas,
    report: Report<'_>,
) -> Result<Model> {
    let names = settings.classes.names();
    if settings.pretrained.is_empty() {
        let meta = Meta::new(names.to_vec(), settings.width, canvas);
        let log_size = prepare::mean_log_size(samples, canvas);
        return Ok(Model::random(meta, log_size, settings.seed));
    }
    let old = Model::load("pretrained_model_params", &settings.pretrained)?;
    if old.meta.width != settings.width {
        report.log.warn(&format!(
            "the pretrained model's width {} is used, not {}",
            old.meta.width, settings.width
        ));
    }
    let (mut model, kept) = old.with_classes(names, settings.seed);
    report.log.info(&format!(
        "starting from a model of {} steps; {kept} of {} classes known to it",
        old.meta.step,
        names.len()
    ));
    model.meta.input = [canvas.width, canvas.height];
    Ok(model)
}
