#!/bin/sh
# A strategy in ten lines: buys BTCUSDT when it closes above the 20 closes before. The id is the bar's, so it counts once.
# Usage: breakout.sh DATA_DIR INTERVAL    (such as: breakout.sh shared_data 1s)
while sleep 1; do
  tail -n 21 "$1/market/klines/BTCUSDT-$2.ndjson" |
    sed 's/.*"close_time":\([0-9]*\).*"close":\([0-9.]*\).*/\1 \2/' |
    awk 'NR <= 20 && $2 > top { top = $2 } { time = $1; last = $2 }
         END { if (NR == 21 && last > top) print time, last * 0.99, last * 1.02 }' |
    while read -r time stop target; do
      cq-tui --data-dir "$1" signal BUY BTCUSDT --stop "$stop" --target "$target" --strategy breakout --id "$time"
    done
done
