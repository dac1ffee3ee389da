//! `issuer inspect --config`, with each form of file in which the configuration may be.

use serde_json::{Value, json};

use crate::program::*;

/// A key pair, and a token for the application.
struct Fixture {
    folder: Folder,
    token: String,
}

impl Fixture {
    fn new() -> Self {
        let folder = Folder::new();
        let token = mint(&keygen(&folder), &["--application-id", APPLICATION]);
        Self { folder, token }
    }

    fn public_key(&self) -> Value {
        self.folder.read("public.pem").into()
    }

    /// The members of a configuration that admits the token.
    fn members(&self) -> Value {
        json!({
            "namespace_id": NAMESPACE,
            "application_id": APPLICATION,
            "public_key": self.public_key(),
        })
    }

    fn inspect(&self, name: &str, content: &str, more: &[&str]) -> Run {
        let path = self.folder.write(name, content);
        self.inspect_at(&path, more, &[])
    }

    fn inspect_at(&self, path: &str, more: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = command(&[&["inspect", "-", "--config", path], more].concat());
        command.envs(variables.iter().copied());
        run(&mut command, self.token.as_bytes())
    }

    /// Asserts that the file is read, and the token admitted.
    #[track_caller]
    fn admits(&self, name: &str, content: &str) -> Run {
        let run = self.inspect(name, content, &[]).succeeds();
        assert!(run.stdout.contains("admitted (allowed)"), "{content}: {run:?}");
        run
    }
}

/// A filter of Envoy's as JSON, which is YAML too.
fn filter(name: &str, plugin: &str, configuration: &Value, environment: &Value) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": plugin,
                "vm_config": {"environment_variables": environment},
                "configuration": configuration,
            },
        },
    })
}

fn structure(value: &Value) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value})
}

fn string(value: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": value.to_string(),
    })
}

fn listener(name: &str, filter: &Value) -> Value {
    json!({
        "name": name,
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {"http_filters": [filter, {"name": "envoy.filters.http.router"}]},
        }]}],
    })
}

/// JSON as YAML in its block style.
fn yaml(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => members
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if text.contains('\n') => {
                    let lines = text.lines().map(|line| format!("{pad}  {line}\n"));
                    format!("{pad}{name:?}: |\n{}", lines.collect::<String>())
                }
                Value::Object(_) => format!("{pad}{name:?}:\n{}", yaml(value, indent + 2)),
                Value::Array(_) => format!("{pad}{name:?}:\n{}", yaml(value, indent)),
                other => format!("{pad}{name:?}: {other}\n"),
            })
            .collect(),
        Value::Array(values) => {
            values.iter().map(|value| format!("{pad}-\n{}", yaml(value, indent + 2))).collect()
        }
        other => format!("{pad}{other}\n"),
    }
}

#[test]
fn a_configuration_is_read_in_every_form_in_which_the_filter_is_given_it() {
    let fixture = Fixture::new();
    let members = fixture.members();
    let wasm = filter("f", "p", &structure(&members), &Value::Null);
    let in_string = filter("f", "p", &string(&members), &Value::Null);
    let typed = json!({"name": "f", "typed_config": {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "value": wasm["typed_config"],
    }});
    let camel = json!({"name": "f", "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"configuration": structure(&members)},
    }});
    let plugin = |spec: Value| {
        json!({"apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
               "metadata": {"name": "w"}, "spec": spec})
    };
    let resource = listener("l", &wasm);
    for content in [
        members.clone(),
        wasm.clone(),
        json!({ "http_filters": [wasm] }),
        json!({ "http_filters": [in_string] }),
        json!({ "http_filters": [typed] }),
        json!({ "http_filters": [camel] }),
        resource.clone(),
        json!({"static_resources": {"listeners": [listener("l", &in_string)]}}),
        json!({"version_info": "1", "resources": [resource]}),
        plugin(json!({ "pluginConfig": members })),
        json!({"apiVersion": "v1", "kind": "List", "items": [plugin(json!({"pluginConfig": members}))]}),
        json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
               "spec": {"configPatches": [{"patch": {"operation": "INSERT_BEFORE", "value": wasm}}]}}),
    ] {
        fixture.admits("file", &content.to_string());
        fixture.admits("file.json", &content.to_string());
        fixture.admits("file.yaml", &content.to_string());
        fixture.admits("file", &yaml(&content, 0));
        fixture.admits("file.yml", &format!("# a comment\n---\n{}", yaml(&content, 0)));
    }
    let service = json!({"apiVersion": "v1", "kind": "Service"});
    let manifests = [service.clone(), plugin(json!({ "pluginConfig": members })), service]
        .map(|resource| yaml(&resource, 0))
        .join("---\n");
    fixture.admits("manifests.yaml", &manifests);
    let array = json!([wasm]);
    fixture.admits("array.json", &array.to_string());
    fixture.admits("array.yaml", &yaml(&array, 0));
}

#[test]
fn the_snippet_of_a_filter_chain_is_read() {
    let fixture = Fixture::new();
    let key = fixture.folder.read("public.pem").replace('\n', "\n              ");
    let snippet = format!(
        "http_filters:
  - name: namespace-jwt
    typed_config:
      \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
      config:
        failure_policy: FAIL_RELOAD         # Envoy 1.33 and newer
        vm_config:
          runtime: envoy.wasm.runtime.v8
          code: {{ local: {{ filename: dist/namespace-jwt.wasm }} }}
        configuration:
          \"@type\": type.googleapis.com/google.protobuf.Struct
          value:
            namespace_id: {NAMESPACE}
            application_id: {APPLICATION}
            public_key: |
              {key}
  - name: envoy.filters.http.router
    typed_config:
      \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"
    );
    let run = fixture.admits("snippet.yaml", &snippet);
    assert!(run.stdout.contains("\nConfiguration\n  filter `namespace-jwt`, in "), "{run:?}");
}

#[test]
fn the_files_in_envoy_are_read_with_the_variables_of_the_proxy() {
    let fixture = Fixture::new();
    let id = "11111111-1111-4111-8111-111111111111";
    let token = mint(&fixture.folder.path("private.pem"), &["--application-id", id]);
    let fixture = Fixture { token, ..fixture };
    let key = fixture.folder.read("public.pem");
    let key = ("SCW_PUBLIC_KEY", key.as_str());
    let ids = [("SCW_NAMESPACE_ID", NAMESPACE), ("SCW_APPLICATION_ID", id)];
    let variables = [key, ids[0], ids[1]];
    let path = testkit::root("envoy").join("container.yaml");
    let path = path.to_str().unwrap();
    let run = fixture.inspect_at(path, &[], &variables).succeeds();
    assert!(run.stdout.contains("admitted (allowed)"), "{run:?}");
    assert!(run.stdout.contains("listener `container`, in "), "{run:?}");
    let used = "  SCW_PUBLIC_KEY      from this command's environment\n";
    assert!(run.stdout.contains(used), "{run:?}");
    fixture.inspect_at(path, &[], &[]).fails("set SCW_");
    // istio.yaml has the place of a key until somebody puts one there.
    let istio = include_str!("../../../envoy/istio.yaml");
    fixture.inspect("istio.yaml", istio, &[]).fails("WasmPlugin `namespace-jwt`: public_key: ");
    let (before, rest) = istio.split_once("      -----BEGIN").unwrap();
    let (_, after) = rest.split_once("-----END RSA PUBLIC KEY-----\n").unwrap();
    let key: String = key.1.lines().map(|line| format!("      {line}\n")).collect();
    let run = fixture.admits("istio.yaml", &format!("{before}{key}{after}"));
    assert!(run.stdout.contains("WasmPlugin `namespace-jwt`, in "), "{run:?}");
    // These two have their keys from the trust feed alone.
    let trust_key = testkit::mint::Key::named(testkit::mint::Kind::Ed25519, "trust").public_pem();
    let trust_key = ("NAMESPACE_JWT_TRUST_KEY", trust_key.as_str());
    for name in ["demo.yaml", "compose.yaml"] {
        let path = testkit::root("envoy").join(name);
        let path = path.to_str().unwrap();
        let run = fixture.inspect_at(path, &[], &[trust_key, ids[0], ids[1]]);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stdout.contains("its keys come with the trust feed"), "{run:?}");
        // What the file doesn't hand over doesn't count.
        let public = [trust_key, ids[0], ids[1], ("SCW_PUBLIC", "true")];
        let run = fixture.inspect_at(path, &[], &public);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stdout.contains("its keys come with the trust feed"), "{run:?}");
        fixture.inspect_at(path, &[], &ids).fails("set NAMESPACE_JWT_TRUST_KEY for this command");
    }
}

#[test]
fn what_was_read_is_said() {
    let fixture = Fixture::new();
    let members = fixture.members();
    let run = fixture.inspect("plugin.json", &members.to_string(), &["--json"]).succeeds();
    let file = fixture.folder.path("plugin.json");
    let expected = json!({"file": file, "plugin": null, "variables": {}, "notices": []});
    assert_eq!(run.json()["configuration"], expected);

    let environment = json!({"key_values": {"SCW_PUBLIC_KEY": fixture.public_key()}});
    let ids = json!({"namespace_id": NAMESPACE, "application_id": APPLICATION});
    let content = listener("l", &filter("f", "p", &structure(&ids), &environment));
    let run = fixture.inspect("envoy.json", &content.to_string(), &["--json"]).succeeds();
    let expected = json!({
        "file": fixture.folder.path("envoy.json"),
        "plugin": {"filter": "f", "plugin": "p", "listener": "l", "wasm_plugin": null},
        "variables": {"SCW_PUBLIC_KEY": "file"},
        "notices": [],
    });
    assert_eq!(run.json()["configuration"], expected);
    let run = fixture.admits("envoy.json", &content.to_string());
    let said = format!(
        "\nConfiguration\n  filter `f`, plugin `p`, listener `l`, in {}\n  SCW_PUBLIC_KEY      from \
         the file\n",
        fixture.folder.path("envoy.json")
    );
    assert!(run.stdout.ends_with(&said), "{run:?}");

    // Without a token's own part in it: the explanation alone has none.
    let run = run_with_input(&["inspect", "--json"], &fixture.token).succeeds();
    assert_eq!(run.json()["configuration"], Value::Null);
}

#[test]
fn one_of_several_plugins_is_chosen_by_any_of_its_names() {
    let fixture = Fixture::new();
    let mut other = fixture.members();
    other["application_id"] = "another".into();
    let ours = structure(&fixture.members());
    let content = json!({"static_resources": {"listeners": [
        listener("l1", &filter("f", "p1", &ours, &Value::Null)),
        listener("l2", &filter("f", "p2", &structure(&other), &Value::Null)),
    ]}})
    .to_string();
    for (name, status) in [("l1", 0), ("p1", 0), ("l2", 1), ("p2", 1)] {
        let run = fixture.inspect("envoy.json", &content, &["--plugin", name]);
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{name}: {run:?}");
    }
    let both = "(filter `f`, plugin `p1`, listener `l1`) (filter `f`, plugin `p2`, listener `l2`)";
    for (more, words) in [
        (&[][..], "there are several plugins; choose one with --plugin: "),
        (&["--plugin", "f"], "there are several plugins; choose one with --plugin: "),
        (&["--plugin", "x"], "no plugin has that name; choose one of those there: "),
    ] {
        fixture.inspect("envoy.json", &content, more).fails(&format!("{words}{both}"));
    }
    let plugin = |name: &str, config: &Value| {
        json!({"apiVersion": "v1", "kind": "WasmPlugin", "metadata": {"name": name},
               "spec": {"pluginConfig": config}})
        .to_string()
    };
    let manifests =
        format!("{}\n---\n{}\n", plugin("w1", &fixture.members()), plugin("w2", &other));
    assert_eq!(fixture.inspect("istio.yaml", &manifests, &["--plugin", "w1"]).status, 0);
    assert_eq!(fixture.inspect("istio.yaml", &manifests, &["--plugin", "w2"]).status, 1);
    fixture.inspect("istio.yaml", &manifests, &[]).fails("(WasmPlugin `w1`) (WasmPlugin `w2`)");

    let alone = fixture.members().to_string();
    fixture.inspect("plugin.json", &alone, &["--plugin", "p"]).fails("leave --plugin out");
    issuer(&["inspect", "--plugin", "p", "x"]).fails("give the file with --config");
}

/// Checked against Envoy 1.40: `public: yes` in a Struct opens the filter, since its reader of
/// YAML takes `yes` for a boolean. In JSON text, and in quotation marks, it doesn't.
#[test]
fn values_are_what_envoy_makes_of_them() {
    let fixture = Fixture::new();
    let members = fixture.members();
    let judge = |member: &str| {
        let text = format!("{}{member}\n", yaml(&members, 0));
        fixture.inspect("plugin.yaml", &text, &["--json"])
    };
    for (member, code) in [
        ("public: yes", "public"),
        ("public: On", "public"),
        ("public: no", "allowed"),
        ("token_cache_size: 0x10", "allowed"),
        ("expiration_leeway_seconds: 2147483647", "allowed"),
    ] {
        assert_eq!(judge(member).succeeds().json()["decision"]["code"], code, "{member}");
    }
    for (member, words) in [
        ("public: \"yes\"", "public: expected true or false, found a string"),
        ("public: oN", "public: expected true or false, found a string"),
        ("public: !!bool yes", "put a string into quotation marks (line "),
        ("token_cache_size: 1e3", "token_cache_size: expected"),
        // Past 32 bits Envoy makes a number a string.
        ("expiration_leeway_seconds: 2147483648", "expiration_leeway_seconds: expected"),
        ("public: false\npublic: true", "`public` appears twice; keep one (line "),
        ("<<: {public: true}", "merge keys"),
        ("publik: true", "unknown member `publik`; did you mean `public`?"),
    ] {
        judge(member).fails(words);
    }
    // Istio's numbers are JSON's, and in JSON a Struct's are doubles.
    let with = |number: &str| {
        let text = format!(
            "apiVersion: v1\nkind: WasmPlugin\nspec:\n  pluginConfig:\n{}    max_lifetime_seconds: {number}\n",
            yaml(&members, 4)
        );
        fixture.inspect("istio.yaml", &text, &[])
    };
    with("3000000000").succeeds();
    with("3e9").succeeds();
    with("1.5").fails("max_lifetime_seconds: expected");
    let mut huge = members.clone();
    huge["max_lifetime_seconds"] = json!(9_007_199_254_740_993_u64);
    let text = filter("f", "p", &structure(&huge), &Value::Null).to_string();
    fixture.admits("envoy.json", &text);
    huge["max_lifetime_seconds"] = json!(18_446_744_073_709_551_615_u64);
    let text = filter("f", "p", &structure(&huge), &Value::Null).to_string();
    fixture.inspect("envoy.json", &text, &[]).fails("max_lifetime_seconds: expected");
    fixture.admits("plugin.json", &huge.to_string());
}

#[test]
fn what_envoy_would_refuse_or_garble_is_refused_with_the_reason() {
    let fixture = Fixture::new();
    let members = fixture.members();
    let of_type = |name: &str, value: Value| json!({"@type": format!("type.googleapis.com/{name}"), "value": value});
    let twice = members.to_string().replacen('{', r#"{"public":false,"public":true,"#, 1);
    for (configuration, words) in [
        (
            of_type("xds.type.v3.TypedStruct", members.clone()),
            "of the type `xds.type.v3.TypedStruct`",
        ),
        (of_type("google.protobuf.Value", members.clone()), "of the type `google.protobuf.Value`"),
        (of_type("google.protobuf.StringValue", members.clone()), "has to be a string that holds"),
        (of_type("google.protobuf.Struct", json!("{}")), "has to be an object; write"),
        (of_type("google.protobuf.BytesValue", json!("{}")), "has to be base64; correct it"),
        (of_type("google.protobuf.StringValue", json!(twice)), "configuration: expected"),
        (json!({"@type": "x/google.protobuf.Struct", "public": true}), "has no `value`"),
        (members.clone(), "has no `@type`; add"),
    ] {
        let text = filter("f", "p", &configuration, &Value::Null).to_string();
        let run = fixture.inspect("envoy.json", &text, &[]);
        run.fails(words);
        assert!(run.stderr.contains("envoy.json: filter `f`, plugin `p`: "), "{run:?}");
    }
    for (environment, words) in [
        (
            json!({"key_values": {"SCW_PUBLIC": true}}),
            "`SCW_PUBLIC` in `key_values` is not a string",
        ),
        (
            json!({"key_values": {"SCW_PUBLIC": "true"}, "host_env_keys": ["SCW_PUBLIC"]}),
            "`SCW_PUBLIC` is there twice",
        ),
        (json!({"key_values": {"SCW_PUBLIC": "yes"}}), "SCW_PUBLIC: expected"),
    ] {
        let text = filter("f", "p", &structure(&members), &environment).to_string();
        let mut without = members.clone();
        without.as_object_mut().unwrap().remove("public");
        fixture.inspect("envoy.json", &text, &[]).fails(words);
    }
    // As in the filter, nothing at all is a configuration: the environment's.
    let key_values = json!({
        "SCW_NAMESPACE_ID": NAMESPACE, "SCW_APPLICATION_ID": APPLICATION,
        "SCW_PUBLIC_KEY": fixture.public_key(),
    });
    for configuration in [
        Value::Null,
        json!({"@type": "type.googleapis.com/google.protobuf.Struct"}),
        json!({"@type": "type.googleapis.com/google.protobuf.StringValue"}),
    ] {
        let environment = json!({ "key_values": key_values });
        let text = filter("f", "p", &configuration, &environment).to_string();
        fixture.admits("envoy.json", &text);
    }
}

#[test]
fn istios_environment_is_read_as_istio_hands_it_over() {
    let fixture = Fixture::new();
    let config = json!({"application_id": APPLICATION, "public_key": fixture.public_key()});
    let with = |env: Value, host: &[(&str, &str)]| {
        let text = json!({
            "apiVersion": "v1", "kind": "WasmPlugin", "metadata": {"name": "w"},
            "spec": {"pluginConfig": config, "vmConfig": {"env": env}},
        });
        let path = fixture.folder.write("istio.yaml", text.to_string());
        fixture.inspect_at(&path, &[], host)
    };
    let inline = json!([{"name": "SCW_NAMESPACE_ID", "value": NAMESPACE}]);
    with(inline, &[("SCW_NAMESPACE_ID", "another")]).succeeds();
    let host = json!([{"name": "SCW_NAMESPACE_ID", "valueFrom": "HOST"}]);
    with(host.clone(), &[("SCW_NAMESPACE_ID", NAMESPACE)]).succeeds();
    with(host, &[]).fails("set SCW_NAMESPACE_ID for this command too");
    with(json!([]), &[("SCW_NAMESPACE_ID", NAMESPACE)]).fails("namespace_id: expected");
    let number = json!([{"name": "SCW_NAMESPACE_ID", "value": 1}]);
    with(number, &[]).fails("`SCW_NAMESPACE_ID` in `env` is not a string; put it into");
}

#[test]
fn a_file_that_is_something_else_is_told_what_it_looks_like() {
    let fixture = Fixture::new();
    let token = fixture.token.clone();
    let key = fixture.folder.read("private.pem");
    let router = json!({"http_filters": [{"name": "envoy.filters.http.router"}]}).to_string();
    let service = "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: ConfigMap\n";
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb += &format!("a{n}: &a{n} [{aliases}]\n");
    }
    for (name, content, words) in [
        ("a.yaml", key.as_str(), "looks like a key in PEM; "),
        ("b", &token, "looks like a token; "),
        ("c.env", "SCW_PUBLIC=true\nSCW_NAMESPACE_ID=n\n", "looks like a list of variables; "),
        ("d.yaml", &router, "an HTTP filter of the type envoy.extensions.filters.http.wasm"),
        ("d.json", &router, "an HTTP filter of the type envoy.extensions.filters.http.wasm"),
        ("e.yaml", service, "(`Service`, `ConfigMap`) without a WasmPlugin; "),
        ("f.yaml", "just words", "neither a JSON object nor one in YAML; "),
        ("g.yaml", "- public\n", "neither a JSON object nor one in YAML; "),
        ("h.yaml", "public: true\n---\npublic: true\n", "neither a JSON object nor one in YAML; "),
        ("i.yaml", "a: [1", "not valid YAML: "),
        ("j.yaml", &bomb, "the values take too much memory"),
        ("k.json", "{\"public\": true,}", "not JSON"),
        ("l", "{\"public\": true,}", "not JSON"),
        ("m.json", "[1]", "an array"),
    ] {
        let run = fixture.inspect(name, content, &[]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{name}: {run:?}");
        assert!(run.stderr.contains(words), "{name}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{name}: {run:?}");
        for secret in [&token[40..60], &key.lines().nth(1).unwrap()[..20]] {
            assert!(!run.stderr.contains(secret), "{name}: {run:?}");
        }
    }
    let path = fixture.folder.write("binary", b"\0asm\xff");
    fixture.inspect_at(&path, &[], &[]).fails("not a text in UTF-8; ");
    fixture.inspect_at("/dev/zero", &[], &[]).fails("too large; ");
}

#[test]
fn what_the_filter_would_warn_of_is_shown() {
    let fixture = Fixture::new();
    let mut members = fixture.members();
    members["mode"] = json!("report_only");
    let run = fixture.admits("plugin.json", &members.to_string());
    let warning = "  warning: mode: report_only: no request is refused";
    assert!(run.stdout.contains(warning), "{run:?}");
    let run = fixture.inspect("plugin.json", &members.to_string(), &["--json"]).succeeds();
    assert_eq!(run.json()["configuration"]["notices"][0]["level"], "warning");
}
