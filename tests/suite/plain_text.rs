//! Secrets in plain text (W0309), by the name of what is given and by the shape of the value: what is found and what is
//! not, in each place that can contain one.

use erpc_tests::Memory;
use erpc_tests::worst::program;

/// Whether a statement of a service is warned of.
fn is_found(statement: &str) -> bool {
    let compiled = Memory::of(program("", statement)).compile();
    let all = compiled.diagnostics.as_slice();
    assert!(
        !compiled.diagnostics.has_errors(),
        "{statement}: {:?}",
        all.first()
    );
    all.iter().any(|found| found.code.id == "W0309")
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(", ")
}

/// Tells what is found, of statements that differ in a text.
fn assert_found(statement: impl Fn(&str) -> String, secrets: &[&str], others: &[&str]) {
    let texts = secrets.iter().map(|text| (text, true));
    let texts = texts.chain(others.iter().map(|text| (text, false)));
    let wrong: Vec<String> = texts
        .map(|(text, is_secret)| (statement(text), is_secret))
        .filter(|(statement, is_secret)| is_found(statement) != *is_secret)
        .map(|(statement, is_secret)| format!("{statement}: expected {is_secret}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const KEY_ID: &str = "AKIAQX4BIPW3AHOVGT3C";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE";
const SHA: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const DIGEST: &str = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";
const UUID: &str = "123e4567-e89b-12d3-a456-426614174000";

#[test]
fn in_variables() {
    let statement = |text: &str| {
        let (name, value) = text.split_once('=').expect("NAME=value");
        format!("env {name} = {}", quoted(value))
    };
    let ids = [
        format!("X={KEY_ID}"),
        format!("X={KEY}"),
        format!("ORIGIN=s3://{KEY_ID}@bucket"),
    ];
    let mut secrets: Vec<&str> = ids.iter().map(String::as_str).collect();
    secrets.extend([
        "DB_PASSWORD=hunter2",
        "DB_PASS=hunter2",
        "SMTP_PWD=letmein",
        "POSTGRES_PASSWORD=123456",
        "GITHUB_TOKEN=abcdef12",
        "accessToken=q1w2e3r4",
        "AWS_SECRET_ACCESS_KEY=anything",
        "STRIPE_API_KEY=x1y2z3",
        "LARAVEL=base64:k9Jx2LmQ8vR4tYw6Zb3NcP7dFh1GsK5a",
        "RAILS_MASTER_KEY=0123456789abcdef",
        "WIFI_PSK=correcthorse",
        "SESSION_SECRET=keyboard cat",
        "DATABASE_URL=postgres://app:hunter2@db/app",
        "CONN=Server=db;User Id=a;Password=hunter2;",
        "SLACK=xoxb-123456789012-abcdefABCDEF",
        "HEADER=Authorization: Bearer abcdef0123",
        "JAVA_OPTS=-Xmx1g -Djavax.net.ssl.trustStorePassword=changeit",
        "REDIS_ARGS=--requirepass hunter2 --appendonly yes",
        "SENDGRID=SG.abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg",
    ]);
    let ids = [
        format!("COMMIT={SHA}"),
        format!("IMAGE=a/b@{DIGEST}"),
        format!("TENANT_ID={UUID}"),
        format!("TOKEN_ID={UUID}"),
    ];
    let mut others: Vec<&str> = ids.iter().map(String::as_str).collect();
    others.extend([
        "MAX_TOKENS=4096",
        "TOKENIZER=cl100k_base",
        "TOKENIZERS_PARALLELISM=false",
        "TOKEN_EXPIRY_SECONDS=3600",
        "PASSWORD_ENCODER=bcrypt",
        "PASSWORD_MIN_LENGTH=12",
        "SECRET_NAME=db-credentials",
        "SECRETS_BACKEND=vault",
        "DB_PASSWORD_FILE=/run/secrets/db",
        "DATABASE_URL=postgres://app:$(DB_PASSWORD)@db/app",
        "CSRF_TOKEN_HEADER=X-CSRF-Token",
        "COMPASS_DIRECTION=north",
        "GOOGLE_APPLICATION_CREDENTIALS=/var/secrets/gcp.json",
        "OAUTH_TOKEN_URL=https://login.example/token",
        "PWD=/srv/app",
        "AWS_REGION=eu-central-1",
        "PATTERN=AKIA[0-9A-Z]{16}",
        "SIGNED_HEADER=Authorization: Bearer $(TOKEN)",
        "PUBLIC_KEY=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2LmQ8vR4tYw6Zb3NcP7dFh1GsK5aQ8vR4tYw6Zb3N a@b",
        "CLASS=com.example.shop.OrderServiceImplementationFactoryBean2",
    ]);
    assert_found(statement, &secrets, &others);
}

/// Lists of words, separated by `|`.
const COMMANDS: [&[&str]; 2] = [
    &[
        "--password|hunter2",
        "-password|hunter2",
        "--password=hunter2",
        "-db-pass|hunter2",
        "-p|hunter2",
        "-p|s3cr3t!",
        "mysql|-u|root|-p|letmein",
        "mysql|-uroot|-pletmein",
        "/usr/bin/mysqldump|-phunter2|shop",
        "redis-cli|-a|letmein|ping",
        "redis-server|--requirepass|letmein",
        "sshpass|-p|letmein|ssh|host",
        "curl|-u|app:letmein|https://x",
        "curl|--user|app:letmein|https://x",
        "curl|-H|Authorization: Bearer abcdef0123|https://x",
        "sh|-c|mysql -uroot -pletmein -e 'select 1'",
        "sh|-c|redis-cli -a letmein ping",
        "sh|-c|export DB_PASSWORD=hunter2; run",
        "--token|abcdef12",
        "--aws-key|AKIAQX4BIPW3AHOVGT3C",
        "--origin=s3/AKIAQX4BIPW3AHOVGT3C/x",
        "--api-key='x1y2z3'",
    ],
    &[
        "-p|8080",
        "-p|8080:80",
        "-p|/var/lib/app",
        "mkdir|-p|/data/cache",
        "-p|production",
        "-p|eu-central-1",
        "-p|my-project-123",
        "-P|4",
        "mysql|-u|root|-p$(MYSQL_PASSWORD)",
        "mysql|-P|3306|--protocol=tcp",
        "redis-cli|-a|$(REDIS_PASSWORD)|ping",
        "--password-file|/run/secrets/db",
        "--password|$(DB_PASSWORD)",
        "--token-ttl|30m",
        "--max-tokens|4096",
        "--tokenizer|cl100k_base",
        "--secret-name|db-credentials",
        "--user|1000:1000",
        "curl|-u|app:$(PASSWORD)|https://x",
        "--image|a/b@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "--revision|da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "--id|123e4567-e89b-12d3-a456-426614174000",
        "sh|-c|mkdir -p /data && exec app",
        "--allow-empty-password|yes",
    ],
];

fn words(text: &str) -> String {
    list(&text.split('|').collect::<Vec<_>>())
}

#[test]
fn in_arguments_and_commands() {
    for place in ["args", "command"] {
        let statement = |text: &str| format!("{place} {}", words(text));
        assert_found(statement, COMMANDS[0], COMMANDS[1]);
    }
}

#[test]
fn in_files_of_a_config() {
    let statement = |text: &str| format!("config c {{ \"f\" = {} }} at \"/c\"", quoted(text));
    assert_found(
        statement,
        &[
            "password: hunter2",
            "db:\n  user: app\n  password: \"hunter2\" # default",
            "spring.datasource.password=s3cret",
            "[client]\nuser = root\npassword = letmein",
            "{\"user\": \"a\", \"password\": \"hunter2\"}",
            "{\"auth\": {\"token\": \"abcdef12\"}}",
            "<add connectionString=\"Server=db;Password=hunter2;\" />",
            "aws_access_key_id = AKIAQX4BIPW3AHOVGT3C",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE",
            "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE",
            "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----",
            "url = amqp://app:hunter2@mq:5672/",
            "dsn: app:hunter2@tcp(db:3306)/app",
            "registry token glpat-abcdefghij0123456789",
            "exec mysql -uroot -pletmein",
            "proxy_set_header Authorization \"Basic dXNlcjpodW50ZXIy\";",
            "requirepass letmein\nappendonly yes",
            "masterauth letmein",
            "sasl.jaas.config=PlainLoginModule required username=\"a\" password=\"hunter2\";",
            "machine db login app password hunter2",
        ],
        &[
            "# password: hunter2",
            "password: ${DB_PASSWORD}"
                .replace("${", "$(")
                .replace('}', ")")
                .as_str(),
            "password_file: /run/secrets/db",
            "password = get_password()",
            "token_url: https://login.example/token",
            "max_tokens: 4096",
            "tokenizer: cl100k_base",
            "password_hash_algorithm: argon2id",
            "allow_empty_password: true",
            "secretName: db-credentials",
            "local token = ngx.var.cookie_token",
            "proxy_set_header Authorization $http_authorization;",
            "commit: da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "image: a/b@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
            "id: 123e4567-e89b-12d3-a456-426614174000",
            "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
            "integrity=\"sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC\"",
            "A user needs a token to log in, see the chapter on passwords.",
            "listen 8080; server_name shop.example;",
            "auth:\n  type: password\n  provider: ldap",
        ],
    );
}

#[test]
fn in_patches() {
    let field = |text: &str| {
        let (name, value) = text.split_once('=').expect("field=value");
        format!(
            "patch deployment {{ spec.template.metadata.annotations.\"{name}\" = {} }}",
            quoted(value)
        )
    };
    assert_found(
        field,
        &[
            "token=abcdef12",
            "x.example/password=hunter2",
            "x.example/api-key=x1y2z3",
            "x=AKIAQX4BIPW3AHOVGT3C",
            "x=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE",
            "x=postgres://app:hunter2@db/app",
            "x=Authorization: Basic dXNlcjpodW50ZXIy",
            "x=mysql -uroot -pletmein",
            "x=ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5",
            "x={\"password\": \"hunter2\"}",
        ],
        &[
            "token-ttl=30m",
            "secret-name=db",
            "max-tokens=4096",
            "tokenizer=cl100k_base",
            "checksum/secret=da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "vault.hashicorp.com/agent-inject-secret-db=database/creds/app",
            "commit=da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "id=123e4567-e89b-12d3-a456-426614174000",
            "image=a/b@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
            "x=https://shop.example/login",
        ],
    );
    let list = |text: &str| {
        let of_pod = "spec.template.spec.containers.\"0\".args";
        format!("patch deployment {{ {of_pod} = [{}] }}", words(text))
    };
    assert_found(list, COMMANDS[0], COMMANDS[1]);
}

#[test]
fn in_images() {
    let is_found = |image: &str| {
        let text = program("", "").replace("a/b:1.0", image);
        let compiled = Memory::of(text).compile();
        let all = compiled.diagnostics.as_slice();
        assert!(
            !compiled.diagnostics.has_errors(),
            "{image}: {:?}",
            all.first()
        );
        all.iter().any(|found| found.code.id == "W0309")
    };
    assert!(is_found(&format!("shop/web:{KEY_ID}")));
    for image in [
        format!("shop/web:{SHA}"),
        format!("shop/web:1.0@{DIGEST}"),
        "shop/web:RELEASE.2024-05-10T01-41-38Z".to_owned(),
        "shop/web:v1.2.3-rc.1".to_owned(),
    ] {
        assert!(!is_found(&image), "{image}");
    }
}
