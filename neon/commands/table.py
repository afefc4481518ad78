"""The one table of commands. A function's keyword arguments are the parameters of its row; a test compares the two."""

from __future__ import annotations

from typing import Final

from neon.commands import (
    accessrows,
    accountrows,
    audiorows,
    callrows,
    devicerows,
    historyrows,
    incomingrows,
    listeningrows,
    operatorrows,
    playingrows,
    recordingrows,
    togetherrows,
    watchrows,
)

TABLE: Final = (
    *accessrows.ROWS,
    *accountrows.ROWS,
    *callrows.ROWS,
    *togetherrows.ROWS,
    *incomingrows.ROWS,
    *recordingrows.ROWS,
    *playingrows.ROWS,
    *audiorows.ROWS,
    *devicerows.ROWS,
    *historyrows.ROWS,
    *listeningrows.ROWS,
    *operatorrows.ROWS,
    *watchrows.ROWS,
)
