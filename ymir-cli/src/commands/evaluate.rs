use clap::Args;
use serde_json::{Map, Value, json};
use ymir::{BranchKind, Evaluated, Result};

use crate::context::Context;
use crate::exit::Ending;
use crate::output::{Table, metric};
use crate::versions;

/// The arguments of `ymir evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The dataset with the ground truth
    ground_truth: String,
    /// The prediction set
    predictions: String,
    /// The classes to look at; all that the ground truth has if none is named
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
}

impl Evaluate {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let truth = versions::dataset(&workspace, &self.ground_truth).await?;
        let predictions = workspace.resolve(BranchKind::Prediction, &self.predictions).await?.id;
        let evaluated = workspace.evaluate(&truth, &predictions, &self.classes).await?;
        context.out.result(&object(&evaluated), || text(&evaluated))?;
        Ok(Ending::Done)
    }
}

/// Returns the twelve numbers of COCO with their names.
fn numbers(evaluated: &Evaluated) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    const NAMES: [&str; 12] = [
        "AP",
        "AP50",
        "AP75",
        "AP_small",
        "AP_medium",
        "AP_large",
        "AR1",
        "AR10",
        "AR100",
        "AR_small",
        "AR_medium",
        "AR_large",
    ];
    NAMES.into_iter().zip(evaluated.evaluation.numbers())
}

fn text(evaluated: &Evaluated) -> String {
    let mut table =
        Table::new(&["class", ">AP50", ">AP75", ">AP", ">AR", ">objects", ">predictions"]);
    let evaluation = &evaluated.evaluation;
    for (id, class) in &evaluation.classes {
        table.row([
            evaluated.classes.name(*id).unwrap_or("?").to_owned(),
            metric(class.ap50),
            metric(class.ap75),
            metric(class.ap),
            metric(class.ar),
            class.ground_truths.to_string(),
            class.predictions.to_string(),
        ]);
    }
    let (ap, ap50, ap75) = (evaluation.ap, evaluation.ap50, evaluation.ap75);
    let sum = |count: fn(&ymir::evaluation::ClassEvaluation) -> u64| {
        evaluation.classes.values().map(count).sum::<u64>().to_string()
    };
    table.row([
        "all".to_owned(),
        metric(ap50),
        metric(ap75),
        metric(ap),
        metric(evaluation.ar100),
        sum(|class| class.ground_truths),
        sum(|class| class.predictions),
    ]);
    let mut text = table.render();
    text.push_str(&format!("{} images\n", evaluation.images));
    if evaluation.predictions_outside > 0 {
        let count = evaluation.predictions_outside;
        text.push_str(&format!(
            "{count} predictions on images without ground truth do not count\n"
        ));
    }
    text
}

fn object(evaluated: &Evaluated) -> Value {
    let evaluation = &evaluated.evaluation;
    let mut object: Map<String, Value> =
        numbers(evaluated).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let classes: Map<String, Value> = evaluation
        .classes
        .iter()
        .map(|(id, class)| {
            let name = evaluated.classes.name(*id).unwrap_or("?").to_owned();
            let value = json!({
                "AP": class.ap, "AP50": class.ap50, "AP75": class.ap75, "AR": class.ar,
                "objects": class.ground_truths, "predictions": class.predictions,
            });
            (name, value)
        })
        .collect();
    object.insert("classes".to_owned(), classes.into());
    object.insert("images".to_owned(), evaluation.images.into());
    object.insert("predictions_outside".to_owned(), evaluation.predictions_outside.into());
    Value::Object(object)
}
