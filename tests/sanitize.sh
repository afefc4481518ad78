#!/bin/sh
# Builds the media engine with AddressSanitizer and UndefinedBehaviorSanitizer into a temporary directory and runs its
# tests there; then runs the tests that need no pacing under valgrind with an ordinary build. Any report fails.
#
#   tests/sanitize.sh            PYTHON=... chooses the interpreter, which needs the "dev" extra installed
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
python=$("$python" -c 'import sys; print(sys.executable)')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# The sources beside the freshly built extension, so that what is built in place is neither used nor touched.
for kind in asan plain; do
    mkdir -p "$work/$kind"
    cp -r setup.py setup.cfg pyproject.toml README.rst LICENSE neon tests "$work/$kind"
    rm -f "$work/$kind"/neon/media/*.so
done
echo "== building"
(cd "$work/asan" && NEON_SANITIZE=1 "$python" setup.py -q build_ext --inplace)
(cd "$work/plain" && CFLAGS=-g "$python" setup.py -q build_ext --inplace)

engine_tests="tests.media.test_kernels tests.media.test_jitter tests.media.test_rtp tests.media.test_rtcp
    tests.media.test_digits tests.media.test_engine tests.media.test_engine_life tests.media.test_engine_source tests.media.test_engine_devices
    tests.media.test_engine_parked tests.media.test_engine_asked tests.media.test_engine_tap tests.media.test_srtp
    tests.media.test_engine_secure
    tests.media.test_wideband tests.media.test_mixing tests.media.test_engine_conference
    tests.media.test_playout.JitterTests tests.media.test_playout.LossTests.test_counted tests.media.test_playout.SourceTests
    tests.media.test_playout.ReorderTests tests.media.test_concealment.ConcealmentTests.test_fades
    tests.media.test_concealment.ConcealmentTests.test_loudest tests.media.test_comfort.RestTests
    tests.media.test_comfort.NoiseTests.test_anything tests.media.test_engine_playout
    tests.media.test_opus tests.media.test_capture.CaptureTests.test_tone tests.media.test_outlet
    tests.media.test_engine_script tests.media.test_wavefile tests.test_tones
    tests.media.test_stun tests.media.test_link tests.media.test_cardrate"
# Valgrind is twenty times slower: a bit of everything, without the generated inputs.
quick_tests="tests.media.test_digits.SendingTests tests.media.test_rtcp.WriterTests
    tests.media.test_jitter.JitterTests.test_losses_anywhere tests.media.test_jitter.JitterTests.test_stall
    tests.media.test_kernels.KernelTests.test_any_length tests.media.test_kernels.KernelTests.test_any_alignment
    tests.media.test_engine_life.LifeTests.test_stop tests.media.test_engine_life.LifeTests.test_forgotten
    tests.media.test_engine_life.LifeTests.test_never_started tests.media.test_engine.ReceivingTests.test_malformed
    tests.media.test_engine_devices.DeviceTests.test_gone tests.media.test_engine_parked.ParkedTests.test_closed
    tests.media.test_engine_asked.AskedTests.test_refused
    tests.media.test_engine_tap.TapTests.test_done tests.media.test_engine_tap.TapTests.test_wrong
    tests.media.test_srtp.SuiteTests.test_forged tests.media.test_srtp.SuiteTests.test_same_key_goes_on
    tests.media.test_wideband.JitterTests.test_loss
    tests.media.test_mixing.MixerTests.test_gap tests.media.test_mixing.MixerTests.test_wider
    tests.media.test_comfort.RestTests.test_level_follows tests.media.test_concealment.ConcealmentTests.test_loudest
    tests.media.test_engine_script.SpeechTests tests.media.test_engine_script.PipeTests.test_bounded
    tests.media.test_engine_script.ClipTests.test_bad_arguments tests.test_tones
    tests.media.test_stun.QueryTests.test_answer tests.media.test_stun.QueryTests.test_forged
    tests.media.test_opus.JitterTests.test_recovered tests.media.test_cardrate.ResamplerTests"

# The interpreter has findings of its own under both tools (memory it keeps until the end, words read beyond a string).
# What counts is a report with one of these files in its stack.
ours=$(cd neon/media && ls _engine/*.c _codecs/*.c | sed 's,^.*/,,; s/\./\\./g' | paste -sd '|')

# trial OUTPUT COMMAND... -- TEST...: tests by a command. Those that fail are done once more by themselves: under these
# tools the far ends are at times slower than the real time that they measure, and it is not that which is asked here.
# The second time allocations are not followed far up the stack, which costs most of it.
trial() {
    output=$1 result=0 command=''
    shift
    while [ "$1" != -- ]; do command="$command $1"; shift; done
    shift
    $command "$@" >"$output" 2>&1 || result=$?
    cat "$output"
    [ "$result" -ne 0 ] || return 0
    failed=$(sed -nE '/^=====/,$s/^(tests[.][A-Za-z0-9_.]+)$/\1/p' "$output" | sort -u)
    # Without a name it is not a test that failed.
    [ -n "$failed" ] || return "$result"
    echo "== once more: $failed"
    # shellcheck disable=SC2086
    LSAN_OPTIONS=exitcode=0 $command $failed
}

# Does the tool report at all? A sanitizer that is not there must not look like a clean run.
echo "== AddressSanitizer and UndefinedBehaviorSanitizer"
libasan=$(gcc -print-file-name=libasan.so)
libubsan=$(gcc -print-file-name=libubsan.so)
nm -D "$work"/asan/neon/media/_engine*.so | grep -q __asan_report || { echo "the build has no sanitizer"; exit 1; }
(
    cd "$work/asan"
    status=0
    export LSAN_OPTIONS="fast_unwind_on_malloc=0:malloc_context_size=30:exitcode=0"
    trial "$work/asan.out" env LD_PRELOAD="$libasan:$libubsan" PYTHONMALLOC=malloc PYTHONPATH=. \
        ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:exitcode=99:log_path=$work/asan.log" \
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$work/asan.log" \
        "$python" -m twisted.trial --temp-directory "$work/trial" -- $engine_tests || status=$?
    if cat "$work"/asan.log.* 2>/dev/null | grep -q -E "runtime error|ERROR: AddressSanitizer|/($ours):"; then
        cat "$work"/asan.log.*
        exit 1
    fi
    exit $status
)

echo "== valgrind"
(
    cd "$work/plain"
    status=0
    trial "$work/valgrind.out" env PYTHONMALLOC=malloc PYTHONPATH=. valgrind --quiet --leak-check=full \
        --show-leak-kinds=definite --log-file="$work/valgrind.%p" --num-callers=40 \
        "$python" -m twisted.trial --temp-directory "$work/trial2" -- $quick_tests || status=$?
    if cat "$work"/valgrind.*[0-9] | grep -q -E "\(($ours):"; then
        cat "$work"/valgrind.*[0-9]
        exit 1
    fi
    exit $status
)
echo "== clean"
