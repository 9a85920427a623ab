use std::collections::BTreeMap;

use ymir_core::{BranchKind, ClassId, ClassTable, Error, Result, VersionId};
use ymir_eval::{ClassEvaluation, Evaluation, EvaluationOptions, OutcomeOptions};

use crate::Workspace;
use crate::evaluation::{self, Outcomes};

/// How good predictions are, with the class table that names the classes.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// The figures, over all classes that occur.
    pub evaluation: Evaluation,
    /// The names of its classes.
    pub classes: ClassTable,
    wanted: Option<Vec<ClassId>>,
}

impl Evaluated {
    /// Returns the average precision at IoU 0.5, the mean over the classes that were asked for and
    /// have ground truth; `None` if none has.
    pub fn ap50(&self) -> Option<f64> {
        self.mean(|class| class.ap50)
    }

    /// Returns the figures by name: `AP` (mean over IoU 0.5 to 0.95), `AP50`, `AP75`, each the mean
    /// over the classes that were asked for, and `AP/<class>` and `AP50/<class>` for each of them
    /// that has ground truth. All are 0 to 1.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        let mut put = |name: String, value: Option<f64>| {
            metrics.extend(value.map(|value| (name, value)));
        };
        put("AP".to_owned(), self.mean(|class| class.ap));
        put("AP50".to_owned(), self.ap50());
        put("AP75".to_owned(), self.mean(|class| class.ap75));
        for (id, class) in self.per_class() {
            let name = self.classes.name(id).unwrap_or_default();
            put(format!("AP/{name}"), class.ap);
            put(format!("AP50/{name}"), class.ap50);
        }
        metrics
    }

    /// Returns the figures of the classes that were asked for, in the order of their ids.
    pub fn per_class(&self) -> impl Iterator<Item = (ClassId, &ClassEvaluation)> {
        let asked = |id: &ClassId| self.wanted.as_ref().is_none_or(|wanted| wanted.contains(id));
        self.evaluation
            .classes
            .iter()
            .filter(move |(id, _)| asked(id))
            .map(|(id, class)| (*id, class))
    }

    fn mean(&self, figure: impl Fn(&ClassEvaluation) -> Option<f64>) -> Option<f64> {
        let found: Vec<f64> = self.per_class().filter_map(|(_, class)| figure(class)).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    }
}

impl Workspace {
    /// Compares predictions with the ground truth of a dataset version, by COCO's rules.
    ///
    /// Only the classes named count; all classes that occur if none is.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version or class does not exist; `InvalidInput` if the second version is no
    /// prediction set, or of another object type; `Unsupported` for another one than detection.
    pub async fn evaluate(
        &self,
        ground_truth: &VersionId,
        predictions: &VersionId,
        class_names: &[String],
    ) -> Result<Evaluated> {
        let classes = self.classes().await?;
        let wanted =
            class_names.iter().map(|name| classes.require(name)).collect::<Result<Vec<_>>>()?;
        self.require_predictions(ground_truth, predictions).await?;
        let options = EvaluationOptions::default();
        let evaluation =
            evaluation::evaluate_versions(self.store(), ground_truth, predictions, &options)
                .await?;
        Ok(Evaluated { evaluation, classes, wanted: (!wanted.is_empty()).then_some(wanted) })
    }

    /// Returns what became of predictions on a dataset version, to be asked for hits, false alarms
    /// and misses: `outcome:fn and class:WBC`.
    ///
    /// # Errors
    ///
    /// `NotFound` if the prediction set does not exist; `InvalidInput` if it is none, or for options
    /// that make no sense.
    pub async fn outcomes(
        &self,
        ground_truth: &VersionId,
        predictions: &VersionId,
        options: OutcomeOptions,
    ) -> Result<Outcomes> {
        self.require_predictions(ground_truth, predictions).await?;
        Outcomes::new(self.store(), *ground_truth, *predictions, options)
    }

    /// Checks that a version is a prediction set, and of what can be compared with the ground truth.
    /// One that was imported may not say by which model.
    async fn require_predictions(
        &self,
        ground_truth: &VersionId,
        predictions: &VersionId,
    ) -> Result<()> {
        if self.store().version(predictions).await?.branch.kind != BranchKind::Prediction {
            let error = Error::invalid("this version is no prediction set");
            return Err(error.with("version", predictions));
        }
        let object_type = self.object_type_for("evaluation", ground_truth).await?;
        self.require_object_type("prediction set", predictions, object_type).await
    }
}
