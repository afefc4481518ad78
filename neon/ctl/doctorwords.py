"""What C{neonctl doctor} says, in three languages: for each finding what is so, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, tuple[str, str]]

ENGLISH: Final[Words] = {
    "not-running": (
        "NEON is not running, or it is another user's.",
        "Start it: systemctl --user start neon (installed), or ./run (in a checkout).",
    ),
    "running": ("NEON {version} is running.", ""),
    "other-version": (
        "NEON {version} is running, but neonctl is {own}.",
        "Restart NEON after an update: systemctl --user restart neon",
    ),
    "warning": ("The configuration has a weakness: {warning}", "Mend it in the file, and restart NEON."),
    "api": ("The {name} API listens at {address}.", ""),
    "no-api": ("No API for other programs is switched on.", "See [websocket] and [http] in the configuration."),
    "no-account": (
        "There is no SIP account.",
        "neonctl register NUMBER@DOMAIN, or an [account NAME] in the configuration.",
    ),
    "registered": ("{uri} is registered.", ""),
    "registering": ("{uri} is being registered.", "Try again in a few seconds."),
    "account": ("{uri}: {what}", "{todo}"),
    "pending": (
        "{count} web page(s) wait to be let in.",
        "neonctl origin pending shows them; neonctl origin allow ORIGIN lets one in.",
    ),
    "sound-works": ("The sound works (microphone: {capture}, loudspeaker: {playback}).", ""),
    "sound-untried": ("The sound is opened with the first call (microphone: {capture}, loudspeaker: {playback}).", ""),
    "sound-fails": (
        "The sound does not work: {problem}",
        "Is a microphone and a loudspeaker there (pactl list short)? Does NEON run in your own "
        "session? Calls go on in silence.",
    ),
    "sound-none": ("NEON is configured to use no sound card (microphone: {capture}, loudspeaker: {playback}).", ""),
    "sound-server": ("A sound server is there ({server}).", ""),
    "no-sound-server": (
        "No sound server was found.",
        "On a desktop, PipeWire or PulseAudio should run in your session: systemctl --user status "
        "pipewire-pulse pulseaudio",
    ),
    "priority-fifo": ("Audio has real-time priority.", ""),
    "priority-other": (
        "Audio has no real-time priority ({priority}): a busy machine may be heard.",
        "Allow it: an rtprio limit of 20 for your user in /etc/security/limits.d, or LimitRTPRIO=20 in the unit.",
    ),
    "rounds": (
        "The machine stood still {rounds} times for more than a fifth of a second.",
        "Something takes the processor away: look for other programs, or a virtual machine that is too small.",
    ),
    "space": ("{directory} has {megabytes} MB left.", ""),
    "no-space": (
        "{directory} has only {megabytes} MB left.",
        "Make room: call log and recordings cannot be written without.",
    ),
    "readable": ("Others may read {path}.", "chmod 600 {path}"),
    "fine": ("Everything is in order.", ""),
    "trouble": ("{count} thing(s) to look at.", ""),
}

SPANISH: Final[Words] = {
    "not-running": (
        "NEON no está en marcha, o es de otro usuario.",
        "Inícielo: systemctl --user start neon (instalado), o ./run (en una copia del código).",
    ),
    "running": ("NEON {version} está en marcha.", ""),
    "other-version": (
        "NEON {version} está en marcha, pero neonctl es {own}.",
        "Reinicie NEON después de una actualización: systemctl --user restart neon",
    ),
    "warning": ("La configuración tiene una debilidad: {warning}", "Corríjala en el archivo y reinicie NEON."),
    "api": ("La API {name} escucha en {address}.", ""),
    "no-api": ("Ninguna API para otros programas está activada.", "Vea [websocket] y [http] en la configuración."),
    "no-account": (
        "No hay ninguna cuenta SIP.",
        "neonctl register NÚMERO@DOMINIO, o un [account NOMBRE] en la configuración.",
    ),
    "registered": ("{uri} está registrada.", ""),
    "registering": ("{uri} se está registrando.", "Pruebe de nuevo en unos segundos."),
    "account": ("{uri}: {what}", "{todo}"),
    "pending": (
        "{count} página(s) web esperan permiso.",
        "neonctl origin pending las muestra; neonctl origin allow ORIGEN deja entrar a una.",
    ),
    "sound-works": ("El sonido funciona (micrófono: {capture}, altavoz: {playback}).", ""),
    "sound-untried": ("El sonido se abre con la primera llamada (micrófono: {capture}, altavoz: {playback}).", ""),
    "sound-fails": (
        "El sonido no funciona: {problem}",
        "¿Hay micrófono y altavoz (pactl list short)? ¿NEON está en su propia sesión? Las llamadas siguen en silencio.",
    ),
    "sound-none": (
        "NEON está configurado para no usar tarjeta de sonido (micrófono: {capture}, altavoz: {playback}).",
        "",
    ),
    "sound-server": ("Hay un servidor de sonido ({server}).", ""),
    "no-sound-server": (
        "No se encontró ningún servidor de sonido.",
        "En un escritorio, PipeWire o PulseAudio debe estar en su sesión: systemctl --user status "
        "pipewire-pulse pulseaudio",
    ),
    "priority-fifo": ("El audio tiene prioridad de tiempo real.", ""),
    "priority-other": (
        "El audio no tiene prioridad de tiempo real ({priority}): una máquina ocupada puede oírse.",
        "Permítala: un límite rtprio de 20 para su usuario en /etc/security/limits.d, o LimitRTPRIO=20 en la unidad.",
    ),
    "rounds": (
        "La máquina se detuvo {rounds} veces más de un quinto de segundo.",
        "Algo se lleva el procesador: busque otros programas, o una máquina virtual demasiado pequeña.",
    ),
    "space": ("A {directory} le quedan {megabytes} MB.", ""),
    "no-space": (
        "A {directory} sólo le quedan {megabytes} MB.",
        "Libere espacio: sin él no se pueden escribir el registro de llamadas ni las grabaciones.",
    ),
    "readable": ("Otros pueden leer {path}.", "chmod 600 {path}"),
    "fine": ("Todo está en orden.", ""),
    "trouble": ("{count} cosa(s) que revisar.", ""),
}

PORTUGUESE: Final[Words] = {
    "not-running": (
        "O NEON não está em execução, ou é de outro usuário.",
        "Inicie-o: systemctl --user start neon (instalado), ou ./run (numa cópia do código).",
    ),
    "running": ("O NEON {version} está em execução.", ""),
    "other-version": (
        "O NEON {version} está em execução, mas o neonctl é {own}.",
        "Reinicie o NEON depois de uma atualização: systemctl --user restart neon",
    ),
    "warning": ("A configuração tem uma fraqueza: {warning}", "Corrija-a no arquivo e reinicie o NEON."),
    "api": ("A API {name} escuta em {address}.", ""),
    "no-api": ("Nenhuma API para outros programas está ligada.", "Veja [websocket] e [http] na configuração."),
    "no-account": (
        "Não há nenhuma conta SIP.",
        "neonctl register NÚMERO@DOMÍNIO, ou um [account NOME] na configuração.",
    ),
    "registered": ("{uri} está registrada.", ""),
    "registering": ("{uri} está sendo registrada.", "Tente de novo em alguns segundos."),
    "account": ("{uri}: {what}", "{todo}"),
    "pending": (
        "{count} página(s) da web esperam permissão.",
        "neonctl origin pending as mostra; neonctl origin allow ORIGEM deixa uma entrar.",
    ),
    "sound-works": ("O som funciona (microfone: {capture}, alto-falante: {playback}).", ""),
    "sound-untried": ("O som é aberto na primeira ligação (microfone: {capture}, alto-falante: {playback}).", ""),
    "sound-fails": (
        "O som não funciona: {problem}",
        "Há microfone e alto-falante (pactl list short)? O NEON está na sua própria sessão? As "
        "ligações seguem em silêncio.",
    ),
    "sound-none": (
        "O NEON está configurado para não usar placa de som (microfone: {capture}, alto-falante: {playback}).",
        "",
    ),
    "sound-server": ("Há um servidor de som ({server}).", ""),
    "no-sound-server": (
        "Nenhum servidor de som foi encontrado.",
        "Num desktop, o PipeWire ou o PulseAudio deve estar na sua sessão: systemctl --user status "
        "pipewire-pulse pulseaudio",
    ),
    "priority-fifo": ("O áudio tem prioridade de tempo real.", ""),
    "priority-other": (
        "O áudio não tem prioridade de tempo real ({priority}): uma máquina ocupada pode ser ouvida.",
        "Permita-a: um limite rtprio de 20 para o seu usuário em /etc/security/limits.d, ou LimitRTPRIO=20 na unidade.",
    ),
    "rounds": (
        "A máquina parou {rounds} vezes por mais de um quinto de segundo.",
        "Algo toma o processador: procure outros programas, ou uma máquina virtual pequena demais.",
    ),
    "space": ("{directory} tem {megabytes} MB livres.", ""),
    "no-space": (
        "{directory} tem só {megabytes} MB livres.",
        "Libere espaço: sem ele o registro de chamadas e as gravações não podem ser escritos.",
    ),
    "readable": ("Outros podem ler {path}.", "chmod 600 {path}"),
    "fine": ("Tudo está em ordem.", ""),
    "trouble": ("{count} coisa(s) para ver.", ""),
}

LANGUAGES: Final[Mapping[str, Words]] = {"pt": PORTUGUESE, "es": SPANISH, "en": ENGLISH}
