//! Parameter Store, Secrets Manager and `DynamoDB` for tests: `moto` from
//! `PyPI`, on the loopback.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::http::{self, Api, ServiceError};
use crate::process::{Program, Server, here};

/// The account that moto's ARNs name.
pub const ACCOUNT: &str = "123456789012";

/// The region of [`Moto`]'s calls, unless another is given.
pub const REGION: &str = "us-east-1";

const PARAMETER_STORE: Api = Api { target: "AmazonSSM", signing: "ssm", json: "1.1" };
const SECRETS_MANAGER: Api = Api { target: "secretsmanager", signing: "secretsmanager", json: "1.1" };
const DYNAMODB: Api = Api { target: "DynamoDB_20120810", signing: "dynamodb", json: "1.0" };

/// A running moto. Operations block: they take milliseconds.
///
/// It ends as [`KinesisLocal`](crate::KinesisLocal) does.
///
/// ```no_run
/// use test_servers::{Moto, json};
///
/// let moto = Moto::shared();
/// moto.put_parameter("/shop/colour", "String", "blue");
/// moto.create_table("users", &[("id", "S")]);
/// moto.put_item("users", &json!({"id": {"S": "7"}, "age": {"N": "33"}}));
/// let endpoint = moto.endpoint(); // for any SDK, with dummy credentials
/// ```
///
/// # Panics
///
/// All methods but those that return a `Result` panic when the server cannot
/// do what was asked: a test cannot go on then.
#[derive(Debug)]
pub struct Moto {
    server: Server,
}

impl Moto {
    /// The one server of this process; started by the first call. Use other
    /// names in different tests.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If moto is not installed.
    pub fn start() -> Self {
        let server = Server::start(&Program {
            name: "moto",
            interpreter: here().join(".venv/bin/python"),
            script: "moto-server.py",
            installed: ".venv/bin/moto_server",
            remedy: "make native/tests/servers/.venv with requirements.txt",
        });
        let moto = Self { server };
        // Each service is imported at its first call, which can take seconds:
        // not within the time limit of a test's own call.
        expect(moto.ssm("DescribeParameters", &json!({})), "DescribeParameters", "all");
        expect(moto.secrets_manager("ListSecrets", &json!({})), "ListSecrets", "all");
        expect(moto.dynamodb("ListTables", &json!({})), "ListTables", "all");
        moto
    }

    /// The URL for an SDK, without a path.
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.server.process_id()
    }

    /// Any operation of Parameter Store (Systems Manager).
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn ssm(&self, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        self.call(PARAMETER_STORE, REGION, operation, input)
    }

    /// Any operation of Secrets Manager.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn secrets_manager(&self, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        self.call(SECRETS_MANAGER, REGION, operation, input)
    }

    /// Any operation of `DynamoDB`.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn dynamodb(&self, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        self.call(DYNAMODB, REGION, operation, input)
    }

    /// Puts a parameter of a type (`String`, `StringList`, `SecureString`),
    /// over what there is, and returns its version.
    pub fn put_parameter(&self, name: &str, kind: &str, value: &str) -> i64 {
        self.put_parameter_in(REGION, name, kind, value)
    }

    /// [`put_parameter`](Self::put_parameter) in another region.
    pub fn put_parameter_in(&self, region: &str, name: &str, kind: &str, value: &str) -> i64 {
        let input = json!({"Name": name, "Type": kind, "Value": value, "Overwrite": true});
        let answer = expect(self.call(PARAMETER_STORE, region, "PutParameter", &input), "PutParameter", name);
        number(&answer["Version"])
    }

    /// Puts a label on a version of a parameter.
    pub fn label_parameter(&self, name: &str, version: i64, label: &str) {
        let input = json!({"Name": name, "ParameterVersion": version, "Labels": [label]});
        expect(self.ssm("LabelParameterVersion", &input), "LabelParameterVersion", name);
    }

    /// Deletes a parameter.
    pub fn delete_parameter(&self, name: &str) {
        expect(self.ssm("DeleteParameter", &json!({"Name": name})), "DeleteParameter", name);
    }

    /// The ARN of a parameter (a name that begins with `/`).
    pub fn parameter_arn(&self, region: &str, name: &str) -> String {
        format!("arn:aws:ssm:{region}:{ACCOUNT}:parameter{name}")
    }

    /// Creates a secret of a text; returns its ARN and its version's id.
    pub fn create_secret(&self, name: &str, text: &str) -> (String, String) {
        self.create_secret_in(REGION, name, &json!({"SecretString": text}))
    }

    /// Creates a secret in a region, of `SecretString` or `SecretBinary`;
    /// returns its ARN and its version's id.
    pub fn create_secret_in(&self, region: &str, name: &str, value: &Value) -> (String, String) {
        let mut input = value.clone();
        input["Name"] = json!(name);
        let answer = expect(self.call(SECRETS_MANAGER, region, "CreateSecret", &input), "CreateSecret", name);
        (text(&answer["ARN"]), text(&answer["VersionId"]))
    }

    /// Puts a new text into a secret; returns the version's id. What was
    /// current is `AWSPREVIOUS` from then on.
    pub fn put_secret_value(&self, id: &str, value: &str) -> String {
        let input = json!({"SecretId": id, "SecretString": value});
        text(&expect(self.secrets_manager("PutSecretValue", &input), "PutSecretValue", id)["VersionId"])
    }

    /// Marks a secret for deletion, in 30 days.
    pub fn delete_secret(&self, id: &str) {
        expect(self.secrets_manager("DeleteSecret", &json!({"SecretId": id})), "DeleteSecret", id);
    }

    /// Creates a table by its key: the partition key's attribute and type (`S`,
    /// `N`, `B`), then the sort key's, if it has one.
    pub fn create_table(&self, table: &str, key: &[(&str, &str)]) {
        let schema = key.iter().zip(["HASH", "RANGE"]);
        let schema = schema.map(|((name, _), role)| json!({"AttributeName": name, "KeyType": role}));
        let types = key.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}));
        let input = json!({
            "TableName": table,
            "KeySchema": schema.collect::<Vec<_>>(),
            "AttributeDefinitions": types.collect::<Vec<_>>(),
            "BillingMode": "PAY_PER_REQUEST",
        });
        expect(self.dynamodb("CreateTable", &input), "CreateTable", table);
    }

    /// Puts an item, as typed JSON: `{"id": {"S": "7"}}`.
    pub fn put_item(&self, table: &str, item: &Value) {
        expect(self.dynamodb("PutItem", &json!({"TableName": table, "Item": item})), "PutItem", table);
    }

    /// Deletes the item of a key, as typed JSON.
    pub fn delete_item(&self, table: &str, key: &Value) {
        expect(self.dynamodb("DeleteItem", &json!({"TableName": table, "Key": key})), "DeleteItem", table);
    }

    fn call(&self, api: Api, region: &str, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        http::call(self.server.address(), api, region, operation, input).map(|answer| answer.body)
    }
}

fn expect(answer: Result<Value, ServiceError>, operation: &str, what: &str) -> Value {
    answer.unwrap_or_else(|error| panic!("{operation} of {what}: {error}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text instead of {value}")).to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a number instead of {value}"))
}
