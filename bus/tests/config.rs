//! The configuration of a process: where it is found, what wins, what is refused and how, and that its page of the
//! documentation says the same as the code.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bus::config::{Checkpoints, Config, Log, VARIABLE_PREFIX};
use bus::connection::{Identity, S3Credentials, Sasl, Security, Tls};
use bus::embedded::Flush;
use contracts::settings::{Key, KeyState, Override, ProblemKind, Problems};
use tempfile::TempDir;

/// What no output may show.
const SECRET: &str = "correct horse";

/// A folder with secrets of every kind, and a home in it.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.write("good.secret", format!("{SECRET}\n").as_bytes(), 0o600);
        home.write("open.secret", SECRET.as_bytes(), 0o604);
        home.write("empty.secret", b"\n", 0o600);
        home.write("binary.secret", &[0xff, 0xfe], 0o600);
        home.write("large.secret", &vec![b'x'; 64 * 1024 + 1], 0o600);
        home.write("ca.pem", b"not looked at", 0o644);
        home.write("client.key", b"not looked at", 0o600);
        fs::create_dir(home.path("folder")).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let home = self.folder.path().to_str().unwrap();
        [("HOME", home), ("PATH", "/bin")]
            .iter()
            .chain(variables)
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn load(&self, text: &str, variables: &[(&str, &str)], flags: Vec<Override>) -> Result<Config, Problems> {
        let file = self.write("config.toml", text.as_bytes(), 0o644);
        Config::load(Some(&file), self.environment(variables), flags)
    }
}

fn origin(config: &Config, key: &str) -> String {
    match &config.keys.iter().find(|known| known.path.to_string() == key).unwrap().state {
        KeyState::Set { origin, .. } => origin.to_string(),
        KeyState::Default { .. } => "default".to_owned(),
        KeyState::Unset => "unset".to_owned(),
    }
}

#[test]
fn bad_configurations_are_explained() {
    let home = Home::new();
    let mut inputs: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for path in inputs {
        let problems = home.load(&fs::read_to_string(&path).unwrap(), &[], Vec::new()).unwrap_err().to_string();
        assert!(!problems.contains("hunter2") && !problems.contains(SECRET), "{problems}");
        let text = problems.replace(home.folder.path().to_str().unwrap(), "HOME");
        testbed::golden::check(&path.with_extension("txt"), &format!("{text}\n"));
    }
}

#[test]
fn without_settings_the_log_is_the_embedded_one_in_the_users_data_directory() {
    let home = Home::new();
    let config = home.load("", &[], Vec::new()).unwrap();
    assert_eq!(config.dir, home.path(".local/share/tripline"));
    let Log::Embedded(embedded) = &config.log else { panic!("{:?}", config.log) };
    assert_eq!(embedded.flush, Flush::EveryMillis(1_000));
    assert_eq!((config.instance, config.registry, config.api.listen), (None, None, None));
    let elsewhere = home.load("", &[("XDG_DATA_HOME", "/data")], Vec::new()).unwrap();
    assert_eq!(elsewhere.dir, Path::new("/data/tripline"));
    let relative = home.load("", &[("XDG_DATA_HOME", "data")], Vec::new()).unwrap();
    assert_eq!(relative.dir, home.path(".local/share/tripline"));
}

#[test]
fn without_a_home_the_data_directory_has_to_be_named() {
    let home = Home::new();
    let file = home.write("config.toml", b"", 0o644);
    let load = |environment: Vec<(OsString, OsString)>| Config::load(Some(&file), environment, Vec::new());
    let problems = load(Vec::new()).unwrap_err().to_string();
    assert!(problems.ends_with("`dir` is missing: a path; set it in the file or by TRIPLINE_DIR"), "{problems}");
    assert_eq!(load(vec![("TRIPLINE_DIR".into(), "/data".into())]).unwrap().dir, Path::new("/data"));
}

#[test]
fn brokers_make_the_log_kafka_unless_the_bus_is_named() {
    let home = Home::new();
    let log = |text: &str, variables: &[(&str, &str)], flags| home.load(text, variables, flags).unwrap().log;
    let brokers = "[kafka]\nbrokers = ['a:9092', '[::1]:9093']";
    let Log::Kafka(kafka) = log(brokers, &[], Vec::new()) else { panic!() };
    assert_eq!((kafka.brokers.as_str(), kafka.security), ("a:9092,[::1]:9093", Security::Plaintext));
    assert!(matches!(log(brokers, &[("TRIPLINE_BUS", "embedded")], Vec::new()), Log::Embedded(_)));
    let flag = vec![Override::from_flag("--brokers", ["kafka", "brokers"], "c:9092, d:9092")];
    let Log::Kafka(kafka) = log(brokers, &[("TRIPLINE_KAFKA__BROKERS", "b:9092")], flag) else { panic!() };
    assert_eq!(kafka.brokers, "c:9092,d:9092");
}

#[test]
fn every_security_becomes_its_connection() {
    let home = Home::new();
    let tls = "[kafka.tls]\nauthorities = 'ca.pem'\ncertificate = 'ca.pem'\nkey = 'client.key'\nkey_password_file = 'good.secret'\n";
    let password = |mechanism: &str| {
        format!("[kafka.sasl]\nmechanism = '{mechanism}'\nuser = 'u'\npassword_file = 'good.secret'\n")
    };
    let oauth = "[kafka.sasl]\nmechanism = 'oauthbearer'\ntoken_endpoint = 'https://i/t'\nclient_id = 'c'\nclient_secret_file = 'good.secret'\nscope = 's'\n";
    let secret = || bus::connection::Secret::new(SECRET);
    let identity =
        Identity { certificate: home.path("ca.pem"), key: home.path("client.key"), key_password: Some(secret()) };
    let full_tls = Tls { authorities: Some(home.path("ca.pem")), identity: Some(identity) };
    let user = || "u".to_owned();
    let cases = [
        ("plaintext", String::new(), Security::Plaintext),
        ("tls", String::new(), Security::Tls(Tls::default())),
        ("tls", tls.to_owned(), Security::Tls(full_tls.clone())),
        (
            "sasl-plaintext",
            password("plain"),
            Security::SaslPlaintext(Sasl::Plain { user: user(), password: secret() }),
        ),
        (
            "sasl-tls",
            format!("{tls}{}", password("scram-sha-256")),
            Security::SaslTls(full_tls, Sasl::ScramSha256 { user: user(), password: secret() }),
        ),
        (
            "sasl-tls",
            password("scram-sha-512"),
            Security::SaslTls(Tls::default(), Sasl::ScramSha512 { user: user(), password: secret() }),
        ),
        (
            "sasl-tls",
            oauth.to_owned(),
            Security::SaslTls(
                Tls::default(),
                Sasl::OauthBearer {
                    token_endpoint: "https://i/t".to_owned(),
                    client_id: "c".to_owned(),
                    client_secret: secret(),
                    scope: Some("s".to_owned()),
                },
            ),
        ),
    ];
    for (security, tables, expected) in cases {
        let text = format!("[kafka]\nbrokers = ['a:1']\nsecurity = '{security}'\n{tables}");
        let config = home.load(&text, &[], Vec::new()).unwrap_or_else(|problems| panic!("{problems}"));
        let Log::Kafka(kafka) = &config.log else { panic!("{text}") };
        assert_eq!(kafka.security, expected, "{text}");
        let shown = format!("{config:?}{}", config.describe());
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn one_newline_ends_a_secret_and_other_space_is_its_own() {
    let home = Home::new();
    for (held, expected) in [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), (" s \n", " s ")] {
        home.write("varied.secret", held.as_bytes(), 0o640);
        let text = "[registry]\nurl = 'http://r'\nuser = 'u'\npassword_file = 'varied.secret'";
        let registry = home.load(text, &[], Vec::new()).unwrap().registry.unwrap();
        assert_eq!(registry.credentials.unwrap().1.reveal(), expected, "{held:?}");
    }
}

#[test]
fn the_file_is_the_one_named_and_else_the_users() {
    let home = Home::new();
    let find = |flag: Option<&Path>, variables: &[(&str, &str)]| {
        Config::load(flag, home.environment(variables), Vec::new()).map(|config| config.file)
    };
    let flag = home.write("flag.toml", b"", 0o644);
    let variable = home.write("variable.toml", b"", 0o644);
    let named = [("TRIPLINE_CONFIG", variable.to_str().unwrap())];
    let user = home.write(".config/tripline/config.toml", b"", 0o644);
    assert_eq!(find(Some(&flag), &named), Ok(Some(flag.clone())));
    assert_eq!(find(None, &named), Ok(Some(variable.clone())));
    assert_eq!(find(None, &[]), Ok(Some(user)));
    let moved = home.write("xdg/tripline/config.toml", b"", 0o644);
    let xdg = home.path("xdg");
    assert_eq!(find(None, &[("XDG_CONFIG_HOME", xdg.to_str().unwrap())]), Ok(Some(moved)));
    for missing in [find(Some(&home.path("none.toml")), &[]), find(None, &[("TRIPLINE_CONFIG", "/none.toml")])] {
        let problems = missing.unwrap_err().to_string();
        assert!(problems.ends_with("none.toml: cannot be read: No such file or directory (os error 2)"), "{problems}");
    }
    assert!(find(Some(home.folder.path()), &[]).is_err());
}

#[test]
fn a_variable_that_is_no_text_is_refused_by_name() {
    let home = Home::new();
    let mut environment = home.environment(&[]);
    environment.push(("OTHER".into(), OsString::from_vec(vec![0xff])));
    let flag = home.write("config.toml", b"", 0o644);
    assert!(Config::load(Some(&flag), environment.clone(), Vec::new()).is_ok());
    environment.push(("TRIPLINE_DIR".into(), OsString::from_vec(vec![0xff])));
    let problems = Config::load(Some(&flag), environment, Vec::new()).unwrap_err().to_string();
    assert_eq!(problems, "TRIPLINE_DIR: cannot be read: it is not UTF-8 text");
}

#[test]
fn variables_of_tests_and_of_others_are_no_settings() {
    let variables =
        [("TRIPLINE_LOG", "debug"), ("TRIPLINE_TEST_OWNER_FOLDER", "x"), ("TRIPLINEX", "x"), ("KAFKA__BROKERS", "x")];
    assert!(Home::new().load("", &variables, Vec::new()).is_ok());
}

#[test]
fn every_misspelt_key_finds_its_name() {
    let home = Home::new();
    for key in Config::all_keys() {
        let name = key.path.names().last().unwrap();
        let half = name.len() / 2;
        for typo in [
            format!("{name}s"),
            format!("{}{}", &name[..half], &name[half + 1..]),
            format!("{}x{}", &name[..half], &name[half..]),
        ] {
            let variable = key.path.split_last().unwrap().0.child(&typo).variable(VARIABLE_PREFIX);
            let problems = home.load("", &[(&variable, "x")], Vec::new()).unwrap_err();
            let nearest = problems.iter().find_map(|problem| match &problem.kind {
                ProblemKind::UnknownKey { nearest, .. } => nearest.clone(),
                _ => None,
            });
            assert_eq!(nearest, Some(key.path.clone()), "{variable}");
        }
    }
}

#[test]
fn checkpoints_go_to_a_directory_or_into_a_bucket() {
    let home = Home::new();
    let load =
        |text: &str, variables: &[(&str, &str)]| home.load(text, variables, Vec::new()).unwrap().processor.checkpoints;
    assert_eq!(load("", &[]), None);
    let path = load("[processor]\ncheckpoints = 'shared'", &[]);
    assert_eq!(path, Some(Checkpoints::Directory(home.path("shared"))));

    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", "token")];
    let Some(Checkpoints::S3(s3)) = load("[processor]\ncheckpoints = 's3://a-bucket/a/b/'", &keys) else { panic!() };
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str()), ("a-bucket", "a/b"));
    assert_eq!((s3.endpoint, s3.region.as_str(), s3.authorities), (None, "us-east-1", None));
    let secret = |text: &str| bus::connection::Secret::new(text);
    let expected =
        S3Credentials { access_key: "id".to_owned(), secret_key: secret(SECRET), session_token: Some(secret("token")) };
    assert_eq!(s3.credentials, expected);

    // What is set wins over what all tools of S3 share.
    let text = "[processor]\ncheckpoints = 's3://a-bucket'\n[processor.s3]\nendpoint = 'https://s:9000'\nregion = 'eu'\nauthorities = 'ca.pem'\naccess_key = 'own'\nsecret_key_file = 'good.secret'";
    let Some(Checkpoints::S3(s3)) = load(text, &keys) else { panic!() };
    assert_eq!((s3.prefix.as_str(), s3.endpoint.as_deref()), ("", Some("https://s:9000")));
    assert_eq!((s3.region.as_str(), s3.authorities), ("eu", Some(home.path("ca.pem"))));
    assert_eq!(
        s3.credentials,
        S3Credentials { access_key: "own".to_owned(), secret_key: secret(SECRET), session_token: None }
    );
}

#[test]
fn a_description_says_what_stands_and_why() {
    let home = Home::new();
    let text = "instance = 'console-1'\n[kafka]\nbrokers = ['a:1']\nsecurity = 'sasl-tls'\n[kafka.sasl]\nmechanism = 'plain'\nuser = 'u'\npassword_file = 'good.secret'";
    let flags = vec![Override::from_flag("--listen", ["api", "listen"], "[::1]:7710")];
    let config = home.load(text, &[("TRIPLINE_KAFKA__SASL__USER", "operator")], flags).unwrap();
    let shown = config.describe().to_string().replace(home.folder.path().to_str().unwrap(), "HOME");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/description.golden");
    // Columns are as wide as their widest value, and the folder's name is not the same twice.
    let shown: String = shown
        .lines()
        .map(|line| {
            line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>().join("  ") + "\n"
        })
        .collect();
    testbed::golden::check(&golden, &shown);
    assert_eq!(origin(&config, "kafka.sasl.user"), "TRIPLINE_KAFKA__SASL__USER");
    assert_eq!(origin(&config, "api.listen"), "--listen");
}

/// The rows of the documentation's table: the key, and its type, default and variable.
fn documented(page: &str) -> BTreeMap<String, Vec<String>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|row| {
            let cells: Vec<String> = row.split(" | ").map(str::to_owned).collect();
            (cells[0].trim_end_matches('`').to_owned(), cells[1..4].to_vec())
        })
        .collect()
}

fn as_documented(key: &Key) -> (String, Vec<String>) {
    let default = match (&key.default, &key.state) {
        (Some(words), KeyState::Default { value }) if words == value => format!("`{words}`"),
        (Some(words), _) => words.clone(),
        (None, _) => "none".to_owned(),
    };
    let variable = format!("`{}`", key.path.variable(VARIABLE_PREFIX));
    (key.path.to_string(), vec![key.expected.clone(), default, variable])
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md")).unwrap()
}

#[test]
fn the_documentation_has_every_key_and_no_other() {
    let expected: BTreeMap<_, _> = Config::all_keys().iter().map(as_documented).collect();
    assert_eq!(documented(&page()), expected);
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let home = Home::new();
    for name in ["ca.pem", "client.pem", "client.key", "kafka.password", "registry.password", "s3.secret"] {
        home.write(name, SECRET.as_bytes(), 0o600);
    }
    let page = page();
    let examples: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        let text = example.replace("/etc/tripline/", &format!("{}/", home.folder.path().display()));
        home.load(&text, &[], Vec::new()).unwrap_or_else(|problems| panic!("{example}\n{problems}"));
    }
}
