/**
 * What the doctor page says, in Portuguese, Spanish and English. {name} stands for a value of the finding.
 *
 * @module doctor-words
 */

/** @type {Record<string, Record<string, string>>} */
const WORDS = {
  en: {
    title: "NEON doctor",
    about: "Checks whether a web page in this browser can use the NEON softphone of this machine.",
    originLabel: "The origin of your web page:",
    again: "Check again",
    busy: "Checking…",
    well: "All is well.",
    ill: "Something needs your attention; see below what to do.",
    http: "HTTP",
    websocket: "WebSocket",
    cors: "CORS",
    origin: "Approval of your web page",
    network: "The browser's permission for this machine",
    sound: "Sound device",
    sip: "SIP account",
    httpWorks: "NEON {version} answers at {address}.",
    httpFails: "NEON does not answer at {address} ({reason}).",
    httpFailsRemedy: "Start NEON (systemctl --user start neon) and load this page again.",
    websocketWorks: "{url} opens and answers.",
    websocketFails: "{url} does not open ({reason}).",
    websocketFailsRemedy: "See in the log of NEON (journalctl --user -u neon) why it refused. An extension or a "
      + "proxy of the browser may be in the way too: try a private window without extensions.",
    websocketOpen: "{url} carried out a command without a token. That must not be: please report it.",
    websocketOff: "The WebSocket server is switched off.",
    websocketOffRemedy: "Write enabled = yes under [websocket] in neon.conf and restart NEON.",
    corsWorks: "A page of {origin} may read answers of {url}, after a preflight.",
    corsFails: "A page of {origin} may not read answers of {url} ({reason}).",
    corsFailsRemedy: "Something between the browser and NEON removes headers: an extension, a proxy or a security "
      + "program. Try a private window without extensions.",
    originNotSaid: "Type the origin of your web page above (for example https://crm.example.com) to see whether it "
      + "is approved. NEON's own pages always are.",
    originApproved: "{origin} may use NEON.",
    originBlocked: "{origin} may not use NEON: somebody said no, or NEON only admits the origins on its list.",
    originBlockedRemedy: "Run: neonctl origin allow {origin}",
    originUnknown: "Nobody has decided yet whether {origin} may use NEON. Its first attempt will ask the user, who "
      + "has 15 seconds to answer.",
    originUnknownRemedy: "To decide now, run: neonctl origin allow {origin}. Administrators write it into a file "
      + "in /etc/neon/origins.d/.",
    originInvalid: "{origin} is no origin.",
    originInvalidRemedy: "An origin is a scheme and a host, with a port unless it is the usual one, and nothing "
      + "after it: https://crm.example.com.",
    networkAsked: "This page was not asked, since it comes from this machine itself. Yours will be: the browser "
      + "asks its user once (\"{name}\"), and the connection waits until then. In an iframe your page needs "
      + "allow=\"loopback-network\"; administrators can say yes for everybody by the policy "
      + "LoopbackNetworkAllowedForUrls.",
    networkNeverAsked: "This browser has no such permission; Firefox may ask when a page uses fetch.",
    networkDenied: "The browser's permission \"{name}\" was denied.",
    networkDeniedRemedy: "Click the icon left of the address and allow access to this device.",
    networkInsecure: "{origin} is not https: Chromium refuses to let it talk to this machine, without asking "
      + "anybody.",
    networkInsecureRemedy: "Serve your page by https. While developing, serve it from http://localhost.",
    soundWorks: "It works (microphone: {capture}, loudspeaker: {playback}).",
    soundUntried: "It is ready and opened with the first call (microphone: {capture}, loudspeaker: {playback}).",
    soundFails: "It does not work: {problem}. Calls go on in silence.",
    soundFailsRemedy: "Check that a microphone and a loudspeaker are there (pactl list short sources, pactl list "
      + "short sinks) and that NEON runs in your own session, where the sound server is. NEON tries again by "
      + "itself.",
    soundNone: "NEON is configured to use none (microphone: {capture}, loudspeaker: {playback}).",
    sipRegistered: "{registered} of {accounts} registered.",
    sipUnregistered: "None of {accounts} is registered: call commands are answered with error 601.",
    sipUnregisteredRemedy: "See why with: neonctl accounts",
    sipNone: "There is none yet: call commands are answered with error 601. Your page registers one with "
      + "sipregister.",
  },
  pt: {
    title: "Doutor NEON",
    about: "Verifica se uma página web neste navegador pode usar o softphone NEON desta máquina.",
    originLabel: "A origem da sua página web:",
    again: "Verificar de novo",
    busy: "Verificando…",
    well: "Está tudo bem.",
    ill: "Algo precisa da sua atenção; veja abaixo o que fazer.",
    http: "HTTP",
    websocket: "WebSocket",
    cors: "CORS",
    origin: "Aprovação da sua página web",
    network: "A permissão do navegador para esta máquina",
    sound: "Dispositivo de som",
    sip: "Conta SIP",
    httpWorks: "O NEON {version} responde em {address}.",
    httpFails: "O NEON não responde em {address} ({reason}).",
    httpFailsRemedy: "Inicie o NEON (systemctl --user start neon) e recarregue esta página.",
    websocketWorks: "{url} abre e responde.",
    websocketFails: "{url} não abre ({reason}).",
    websocketFailsRemedy: "Veja no log do NEON (journalctl --user -u neon) por que ele recusou. Uma extensão ou um "
      + "proxy do navegador também pode atrapalhar: tente uma janela anônima sem extensões.",
    websocketOpen: "{url} executou um comando sem token. Isso não pode acontecer: por favor, comunique o erro.",
    websocketOff: "O servidor WebSocket está desligado.",
    websocketOffRemedy: "Escreva enabled = yes em [websocket] no neon.conf e reinicie o NEON.",
    corsWorks: "Uma página de {origin} pode ler respostas de {url}, depois de um preflight.",
    corsFails: "Uma página de {origin} não pode ler respostas de {url} ({reason}).",
    corsFailsRemedy: "Algo entre o navegador e o NEON remove cabeçalhos: uma extensão, um proxy ou um programa de "
      + "segurança. Tente uma janela anônima sem extensões.",
    originNotSaid: "Digite acima a origem da sua página web (por exemplo https://crm.example.com) para ver se ela "
      + "está aprovada. As páginas do próprio NEON sempre estão.",
    originApproved: "{origin} pode usar o NEON.",
    originBlocked: "{origin} não pode usar o NEON: alguém disse não, ou o NEON só admite as origens da sua lista.",
    originBlockedRemedy: "Execute: neonctl origin allow {origin}",
    originUnknown: "Ninguém decidiu ainda se {origin} pode usar o NEON. A primeira tentativa perguntará ao "
      + "usuário, que tem 15 segundos para responder.",
    originUnknownRemedy: "Para decidir agora, execute: neonctl origin allow {origin}. Administradores a escrevem "
      + "num arquivo em /etc/neon/origins.d/.",
    originInvalid: "{origin} não é uma origem.",
    originInvalidRemedy: "Uma origem é um esquema e um host, com a porta se não for a habitual, e nada depois: "
      + "https://crm.example.com.",
    networkAsked: "Esta página não precisou pedir, pois vem da própria máquina. A sua precisará: o navegador "
      + "pergunta uma vez ao usuário (\"{name}\"), e a conexão espera até então. Num iframe a sua página precisa "
      + "de allow=\"loopback-network\"; administradores podem permitir para todos com a política "
      + "LoopbackNetworkAllowedForUrls.",
    networkNeverAsked: "Este navegador não tem essa permissão; o Firefox pode perguntar quando uma página usa "
      + "fetch.",
    networkDenied: "A permissão \"{name}\" do navegador foi negada.",
    networkDeniedRemedy: "Clique no ícone à esquerda do endereço e permita o acesso a este dispositivo.",
    networkInsecure: "{origin} não é https: o Chromium não a deixa falar com esta máquina, e nem pergunta.",
    networkInsecureRemedy: "Sirva a sua página por https. Durante o desenvolvimento, sirva-a de http://localhost.",
    soundWorks: "Funciona (microfone: {capture}, alto-falante: {playback}).",
    soundUntried: "Está pronto e será aberto na primeira ligação (microfone: {capture}, alto-falante: {playback}).",
    soundFails: "Não funciona: {problem}. As ligações continuam em silêncio.",
    soundFailsRemedy: "Verifique se há microfone e alto-falante (pactl list short sources, pactl list short sinks) "
      + "e se o NEON roda na sua própria sessão, onde está o servidor de som. O NEON tenta de novo sozinho.",
    soundNone: "O NEON está configurado para não usar nenhum (microfone: {capture}, alto-falante: {playback}).",
    sipRegistered: "{registered} de {accounts} conectadas.",
    sipUnregistered: "Nenhuma de {accounts} está conectada: comandos de ligação recebem o erro 601.",
    sipUnregisteredRemedy: "Veja o motivo com: neonctl accounts",
    sipNone: "Ainda não há nenhuma: comandos de ligação recebem o erro 601. Sua página conecta uma com "
      + "sipregister.",
  },
  es: {
    title: "Doctor NEON",
    about: "Comprueba si una página web en este navegador puede usar el softphone NEON de esta máquina.",
    originLabel: "El origen de su página web:",
    again: "Comprobar de nuevo",
    busy: "Comprobando…",
    well: "Todo está bien.",
    ill: "Algo necesita su atención; vea abajo qué hacer.",
    http: "HTTP",
    websocket: "WebSocket",
    cors: "CORS",
    origin: "Aprobación de su página web",
    network: "El permiso del navegador para esta máquina",
    sound: "Dispositivo de sonido",
    sip: "Cuenta SIP",
    httpWorks: "NEON {version} responde en {address}.",
    httpFails: "NEON no responde en {address} ({reason}).",
    httpFailsRemedy: "Inicie NEON (systemctl --user start neon) y recargue esta página.",
    websocketWorks: "{url} abre y responde.",
    websocketFails: "{url} no abre ({reason}).",
    websocketFailsRemedy: "Vea en el registro de NEON (journalctl --user -u neon) por qué la rechazó. Una "
      + "extensión o un proxy del navegador también puede estorbar: pruebe una ventana privada sin extensiones.",
    websocketOpen: "{url} ejecutó un comando sin token. Eso no debe ocurrir: por favor, comunique el error.",
    websocketOff: "El servidor WebSocket está apagado.",
    websocketOffRemedy: "Escriba enabled = yes en [websocket] de neon.conf y reinicie NEON.",
    corsWorks: "Una página de {origin} puede leer respuestas de {url}, después de un preflight.",
    corsFails: "Una página de {origin} no puede leer respuestas de {url} ({reason}).",
    corsFailsRemedy: "Algo entre el navegador y NEON quita cabeceras: una extensión, un proxy o un programa de "
      + "seguridad. Pruebe una ventana privada sin extensiones.",
    originNotSaid: "Escriba arriba el origen de su página web (por ejemplo https://crm.example.com) para ver si "
      + "está aprobado. Las páginas del propio NEON siempre lo están.",
    originApproved: "{origin} puede usar NEON.",
    originBlocked: "{origin} no puede usar NEON: alguien dijo que no, o NEON solo admite los orígenes de su lista.",
    originBlockedRemedy: "Ejecute: neonctl origin allow {origin}",
    originUnknown: "Nadie ha decidido todavía si {origin} puede usar NEON. Su primer intento preguntará al "
      + "usuario, que tiene 15 segundos para responder.",
    originUnknownRemedy: "Para decidir ahora, ejecute: neonctl origin allow {origin}. Los administradores lo "
      + "escriben en un archivo de /etc/neon/origins.d/.",
    originInvalid: "{origin} no es un origen.",
    originInvalidRemedy: "Un origen es un esquema y un host, con el puerto si no es el habitual, y nada más: "
      + "https://crm.example.com.",
    networkAsked: "Esta página no tuvo que pedirlo, pues viene de la propia máquina. La suya tendrá que hacerlo: "
      + "el navegador pregunta una vez a su usuario (\"{name}\"), y la conexión espera hasta entonces. En un "
      + "iframe su página necesita allow=\"loopback-network\"; los administradores pueden permitirlo para todos "
      + "con la directiva LoopbackNetworkAllowedForUrls.",
    networkNeverAsked: "Este navegador no tiene ese permiso; Firefox puede preguntar cuando una página usa fetch.",
    networkDenied: "El permiso \"{name}\" del navegador fue denegado.",
    networkDeniedRemedy: "Pulse el icono a la izquierda de la dirección y permita el acceso a este dispositivo.",
    networkInsecure: "{origin} no es https: Chromium no le deja hablar con esta máquina, y ni siquiera pregunta.",
    networkInsecureRemedy: "Sirva su página por https. Durante el desarrollo, sírvala desde http://localhost.",
    soundWorks: "Funciona (micrófono: {capture}, altavoz: {playback}).",
    soundUntried: "Está listo y se abrirá con la primera llamada (micrófono: {capture}, altavoz: {playback}).",
    soundFails: "No funciona: {problem}. Las llamadas siguen en silencio.",
    soundFailsRemedy: "Compruebe que hay micrófono y altavoz (pactl list short sources, pactl list short sinks) y "
      + "que NEON se ejecuta en su propia sesión, donde está el servidor de sonido. NEON lo intenta de nuevo por "
      + "sí mismo.",
    soundNone: "NEON está configurado para no usar ninguno (micrófono: {capture}, altavoz: {playback}).",
    sipRegistered: "{registered} de {accounts} registradas.",
    sipUnregistered: "Ninguna de {accounts} está registrada: las órdenes de llamada reciben el error 601.",
    sipUnregisteredRemedy: "Vea el motivo con: neonctl accounts",
    sipNone: "Todavía no hay ninguna: las órdenes de llamada reciben el error 601. Su página registra una con "
      + "sipregister.",
  },
};

/**
 * The words of the first language that we speak, else English.
 * @param {readonly string[]} languages  as navigator.languages has them
 */
export function speak(languages) {
  const language = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in WORDS) ?? "en";
  const words = WORDS[language];
  return {
    language,
    /** @param {string} name */
    has: (name) => name in words,
    /**
     * @param {string} name
     * @param {Record<string, string>} [values]
     */
    say: (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole),
  };
}
