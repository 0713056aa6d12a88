#!/bin/sh
# Walks down Rosenbrock's valley, whose lowest point is 0 at (1, 1), with nothing but sh and awk.
#
#   descend.sh METHOD RATE [MOMENTUM]      METHOD is `plain` or `momentum`
#
# Under Hone it reports after each round and stops when told to; by hand it prints.
set -eu

method=${1:-momentum}
rate=${2:-0.0005}
momentum=${3:-0.9}
rounds=8
[ "$method" = momentum ] || momentum=0

# Prints the point and speed after 100 more steps, and the height there. Whoever leaves the valley is worth 1e6.
walk() {
    awk -v state="$1" -v rate="$rate" -v momentum="$momentum" 'BEGIN {
        split(state, s, " "); x = s[1]; y = s[2]; vx = s[3]; vy = s[4]
        for (i = 0; i < 100; i++) {
            if (x > 100 || x < -100 || y > 10000 || y < -10000) break
            gx = -2 * (1 - x) - 400 * x * (y - x * x)
            gy = 200 * (y - x * x)
            vx = momentum * vx - rate * gx; x += vx
            vy = momentum * vy - rate * gy; y += vy
        }
        f = (1 - x) ^ 2 + 100 * (y - x * x) ^ 2
        if (i < 100 || f > 1e6) f = 1e6
        printf "%.17g %.17g %.17g %.17g %.10g\n", x, y, vx, vy, f
    }'
}

# Reports a value. Returns 10 when Hone says that the trial is not worth going on.
report() {
    if [ -n "${HONE_SOCKET:-}" ]; then
        hone report --step "$1" loss="$2" >/dev/null
    else
        echo "round $1 loss $2"
    fi
}

state="-1.5 2 0 0"
round=1
while [ "$round" -le "$rounds" ]; do
    answer=$(walk "$state")
    state=${answer% *}
    loss=${answer##* }
    verdict=0
    report "$round" "$loss" || verdict=$?
    case $verdict in
    0) ;;
    10) echo "told to stop after round $round"; exit 0 ;;
    *) echo "hone report failed with exit code $verdict" >&2; exit 1 ;;
    esac
    round=$((round + 1))
done

# The result, as a plain line: the study's `metrics` pattern finds it.
echo "result loss=$loss"
