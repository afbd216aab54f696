//! Lines of real kinds of logs.

use super::*;

/// The first certain line of a text, or else the first likely one.
fn first(log: &str) -> Option<&str> {
    let of = |wanted: Weight| {
        let mut lines = log.lines().filter(|line| is_suspect(line.as_bytes()));
        lines.find(|line| weight(line) == Some(wanted))
    };
    of(Weight::Certain).or_else(|| of(Weight::Likely))
}

#[test]
fn go() {
    let log = "=== RUN   TestA\n    a_test.go:12: error: this is only said\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    \
               a_test.go:20: want 1\n--- FAIL: TestB (0.01s)\nFAIL\nFAIL\texample.org/a\t0.012s\nFAIL";
    assert_eq!(first(log), Some("--- FAIL: TestB (0.01s)"));
    let log = "# example.org/a\n./a.go:10:5: undefined: foo\nFAIL\texample.org/a [build failed]";
    assert_eq!(first(log), Some("./a.go:10:5: undefined: foo"));
    let log = "ok  \ta\t0.1s\npanic: runtime error: index out of range [1] with length 0\n\ngoroutine 1 [running]:";
    assert_eq!(
        first(log),
        Some("panic: runtime error: index out of range [1] with length 0")
    );
    assert_eq!(
        first("ok  \ta\t0.1s\nFAIL\tb\t1s\nok  \tc\t1s"),
        Some("FAIL\tb\t1s")
    );
    let log = "a.go:1: listening\n==================\nWARNING: DATA RACE\nRead at 0x00";
    assert_eq!(first(log), Some("WARNING: DATA RACE"));
    let log = "fatal error: all goroutines are asleep - deadlock!";
    assert_eq!(first(log), Some(log));
}

#[test]
fn compilers() {
    for line in [
        "src/main.c:12:5: error: expected ';' before 'return'",
        "main.c:1:10: fatal error: missing.h: No such file or directory",
        "C:\\a\\main.cpp(12): error C2065: 'x': undeclared identifier",
        "a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
        "error[E0308]: mismatched types",
        "error: could not compile `a` (lib) due to 1 previous error",
        "/usr/bin/ld: main.o: in function `main': main.c:(.text+0x5): undefined reference to `f'",
        "collect2: error: ld returned 1 exit status",
        "clang: error: linker command failed with exit code 1 (use -v to see invocation)",
        "vet: ./a.go:3:2: x declared and not used",
    ] {
        assert!(is_suspect(line.as_bytes()), "{line}");
        assert_eq!(weight(line), Some(Weight::Certain), "{line}");
    }
}

#[test]
fn runners_shells_and_systems() {
    for line in [
        "make: *** [Makefile:3: all] Error 2",
        "make[2]: *** [CMakeFiles/a.dir/build.make:76: a.o] Error 1",
        "bash: line 1: frobnicate: command not found",
        "/bin/sh: 1: frobnicate: not found",
        "./run.sh: line 3: frobnicate: command not found",
        "Traceback (most recent call last):",
        "./run.sh: line 9:  4242 Segmentation fault      (core dumped) ./a.out",
        "Segmentation fault",
        "Killed",
        "test it::works ... FAILED",
        "thread 'it::works' panicked at src/lib.rs:3:5:",
        "FAILED tests/test_a.py::test_a - assert 1 == 2",
        "E       AssertionError: assert 1 == 2",
        "FAILED: obj/a.o",
        "not ok 3 - it adds",
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4]",
        "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x6",
        "fatal: not a git repository (or any of the parent directories): .git",
    ] {
        assert!(is_suspect(line.as_bytes()), "{line}");
        assert_eq!(weight(line), Some(Weight::Certain), "{line}");
    }
    for line in [
        "Error: Cannot find module 'x'",
        "npm ERR! code ELIFECYCLE",
        "[ERROR] Failed to execute goal",
        "ValueError: invalid literal for int()",
        "java.lang.NullPointerException: x is null",
        "curl: error: the address is wrong",
    ] {
        assert!(is_suspect(line.as_bytes()), "{line}");
        assert_eq!(weight(line), Some(Weight::Likely), "{line}");
    }
}

#[test]
fn what_names_errors_without_having_any_is_passed_over() {
    for line in [
        "0 errors, 0 warnings",
        "Build succeeded: no error found",
        "test result: ok. 12 passed; 0 failed; 0 ignored",
        "ok  \terrors\t0.012s",
        "ok  \tgithub.com/pkg/errors\t0.003s",
        "error: 0",
        "Error: none",
        "errors: 0",
        "a.c:3:4: warning: this may be an error: look",
        "=== RUN   TestPanic",
        "--- PASS: TestErrorIsReported (0.00s)",
        "compiling error.c",
        "cc -c -o fatal.o fatal.c",
        "make: Nothing to be done for 'all'.",
        "checking for /usr/include/error.h... not found",
        "checking whether the linker is broken... not found",
        "downloading error: handling notes",
        "test panics_as_it_should - should panic ... ok",
        "    Finished in 0.2s, 14 tests, 0 failures",
        "2 passed, 0 failed",
        "***",
        "*** done ***",
        "panics: 3",
        "a_test.go:12: this is said by a test",
        "Killed 3 stale processes",
        "",
    ] {
        assert_eq!(weight(line), None, "{line}");
    }
}

#[test]
fn any_text_is_looked_at_without_a_panic() {
    for line in [
        "error",
        "error[",
        ": error: ",
        "(: error ",
        "é: error: é",
        ".go:",
        "x.go::: ",
        ": *** ",
        "\u{fffd}\0",
    ] {
        let _ = weight(line);
    }
}
