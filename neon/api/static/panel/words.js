/**
 * What the panel says, in English, Portuguese and Spanish. {name} stands for a value.
 *
 * @module words
 */

const LANGUAGES = ["en", "pt", "es"];

/** @type {Record<string, [string, string, string]>} */
const WORDS = {
  // Signing in
  signinTitle: ["Sign in to NEON", "Entrar no NEON", "Entrar en NEON"],
  signinAbout: [
    "This page opens without a password from NEON's own window, or by this command in a terminal. Or sign in with the "
      + "name and password of an application:",
    "Esta página abre sem senha pela janela do NEON ou por este comando em um terminal. Ou entre com o nome e a senha "
      + "de um aplicativo:",
    "Esta página se abre sin contraseña desde la ventana de NEON o con esta orden en una terminal. O entre con el "
      + "nombre y la contraseña de una aplicación:",
  ],
  application: ["Application", "Aplicativo", "Aplicación"],
  password: ["Password", "Senha", "Contraseña"],
  signin: ["Sign in", "Entrar", "Entrar"],
  signinWrong: [
    "The name or the password is wrong.",
    "O nome ou a senha está errado.",
    "El nombre o la contraseña no es correcto.",
  ],
  ticketWrong: [
    "That link was used before, or is older than a minute. Make a new one.",
    "Esse link já foi usado ou tem mais de um minuto. Gere outro.",
    "Ese enlace ya se usó o tiene más de un minuto. Cree otro.",
  ],
  lost: [
    "NEON does not answer. Trying again…",
    "O NEON não responde. Tentando de novo…",
    "NEON no responde. Intentando de nuevo…",
  ],
  // Accounts
  menu: ["Menu", "Menu", "Menú"],
  settings: ["Accounts and settings", "Contas e ajustes", "Cuentas y ajustes"],
  account: ["Account", "Conta", "Cuenta"],
  noAccount: ["No account yet.", "Nenhuma conta ainda.", "Todavía no hay cuentas."],
  registered: ["{uri}: ready", "{uri}: pronta", "{uri}: lista"],
  registering: ["{uri}: registering…", "{uri}: registrando…", "{uri}: registrando…"],
  retrying: [
    "{uri}: no connection, trying again",
    "{uri}: sem conexão, tentando de novo",
    "{uri}: sin conexión, intentando de nuevo",
  ],
  refused: ["{uri}: refused by the provider", "{uri}: recusada pelo provedor", "{uri}: rechazada por el proveedor"],
  unregistered: ["{uri}: not registered", "{uri}: não registrada", "{uri}: no registrada"],
  dndOn: ["do not disturb", "não perturbe", "no molestar"],
  forwardOn: ["forwarded to {to}", "desviada para {to}", "desviada a {to}"],
  messages: ["Voice messages: {count}", "Mensagens de voz: {count}", "Mensajes de voz: {count}"],
  newAccount: ["Add an account", "Adicionar uma conta", "Agregar una cuenta"],
  newAccountAbout: [
    "As your provider gave it to you. It stays until NEON ends; to keep it, write it into NEON's configuration.",
    "Como seu provedor informou. Fica até o NEON terminar; para guardá-la, escreva-a na configuração do NEON.",
    "Como se la dio su proveedor. Queda hasta que NEON termine; para guardarla, escríbala en su configuración.",
  ],
  number: ["Number or user name", "Número ou usuário", "Número o usuario"],
  domain: ["Server", "Servidor", "Servidor"],
  displayName: [
    "Name that others see (optional)",
    "Nome que os outros veem (opcional)",
    "Nombre que ven los demás (opcional)",
  ],
  authUser: [
    "Name for authentication, if another (optional)",
    "Nome para autenticação, se for outro (opcional)",
    "Nombre para autenticación, si es otro (opcional)",
  ],
  proxy: ["Outbound proxy (optional)", "Proxy de saída (opcional)", "Proxy de salida (opcional)"],
  register: ["Register", "Registrar", "Registrar"],
  unregister: ["Remove", "Remover", "Quitar"],
  save: ["Save", "Salvar", "Guardar"],
  saved: ["Saved.", "Salvo.", "Guardado."],
  close: ["Close", "Fechar", "Cerrar"],
  cancel: ["Cancel", "Cancelar", "Cancelar"],
  dnd: [
    "Do not disturb: refuse every call",
    "Não perturbe: recusar todas as chamadas",
    "No molestar: rechazar todas las llamadas",
  ],
  forwardAlways: ["Forward every call to", "Desviar todas as chamadas para", "Desviar todas las llamadas a"],
  forwardBusy: ["Forward to, when busy", "Desviar para, se ocupado", "Desviar a, si está ocupado"],
  forwardNoAnswer: [
    "Forward to, when nobody answers",
    "Desviar para, se ninguém atender",
    "Desviar a, si nadie contesta",
  ],
  forwardSeconds: ["… after so many seconds", "… depois de quantos segundos", "… después de cuántos segundos"],
  // Operators
  signup: ["Sign up", "Cadastrar-se", "Registrarse"],
  operator: ["Operator", "Operadora", "Operador"],
  login: ["User name", "Usuário", "Usuario"],
  name: ["Your name", "Seu nome", "Su nombre"],
  email: ["E-mail", "E-mail", "Correo electrónico"],
  phone: ["Phone", "Telefone", "Teléfono"],
  signedUp: [
    "Your number is {number}. The account registers by itself.",
    "Seu número é {number}. A conta se registra sozinha.",
    "Su número es {number}. La cuenta se registra sola.",
  ],
  working: ["One moment…", "Um momento…", "Un momento…"],
  operatorSays: ["Message of the operator", "Mensagem da operadora", "Mensaje del operador"],
  balance: ["Balance: {amount}", "Saldo: {amount}", "Saldo: {amount}"],
  balanceLow: ["Balance: {amount} (low)", "Saldo: {amount} (baixo)", "Saldo: {amount} (bajo)"],
  minutes: ["about {count} min", "cerca de {count} min", "unos {count} min"],
  refresh: ["Refresh the balance", "Atualizar o saldo", "Actualizar el saldo"],
  balanceUnknown: ["Balance: not known", "Saldo: desconhecido", "Saldo: desconocido"],
  // Dialling
  dial: ["Call somebody", "Ligar para alguém", "Llamar a alguien"],
  numberToCall: ["Number or address to call", "Número ou endereço para ligar", "Número o dirección para llamar"],
  erase: ["Erase the last character", "Apagar o último caractere", "Borrar el último carácter"],
  keypad: ["Keypad", "Teclado", "Teclado"],
  call: ["Call", "Ligar", "Llamar"],
  // Calls
  calls: ["Calls", "Chamadas", "Llamadas"],
  calling: ["Calling…", "Chamando…", "Llamando…"],
  ringingThere: ["Ringing…", "Tocando…", "Sonando…"],
  ringingHere: ["Incoming call", "Chamada recebida", "Llamada entrante"],
  waiting: ["Incoming call (call waiting)", "Chamada em espera", "Llamada en espera"],
  up: ["Connected", "Conectada", "Conectada"],
  held: ["On hold", "Em espera", "En espera"],
  heldByThem: [
    "The other side has put you on hold",
    "O outro lado pôs você em espera",
    "El otro lado le puso en espera",
  ],
  ended: ["Ended", "Encerrada", "Terminada"],
  ending: ["Ending…", "Encerrando…", "Terminando…"],
  answer: ["Answer", "Atender", "Contestar"],
  holdAndAnswer: ["Hold and answer", "Espera e atender", "Retener y contestar"],
  reject: ["Reject", "Rejeitar", "Rechazar"],
  hangup: ["Hang up", "Desligar", "Colgar"],
  mute: ["Mute", "Mudo", "Silenciar"],
  hold: ["Hold", "Espera", "Retener"],
  record: ["Record", "Gravar", "Grabar"],
  soundgood: ["Sound: good", "Som: bom", "Sonido: bueno"],
  soundfair: ["Sound: fair.", "Som: razoável.", "Sonido: regular."],
  soundpoor: ["Sound: poor.", "Som: ruim.", "Sonido: malo."],
  transfer: ["Transfer", "Transferir", "Transferir"],
  transferWho: ["Pass {party} on.", "Passar {party} adiante.", "Pasar {party} a otro."],
  transferTo: ["To this number", "Para este número", "A este número"],
  transferNow: ["Transfer", "Transferir", "Transferir"],
  transferWith: ["Connect with {party}", "Conectar com {party}", "Conectar con {party}"],
  transferring: ["Transferring…", "Transferindo…", "Transfiriendo…"],
  transferFailed: [
    "The transfer failed; the call goes on.",
    "A transferência falhou; a chamada continua.",
    "La transferencia falló; la llamada sigue.",
  ],
  transferAsked: [
    "They ask you to call {to} instead.",
    "Pedem que você ligue para {to}.",
    "Le piden que llame a {to}.",
  ],
  allow: ["Call", "Ligar", "Llamar"],
  refuse: ["No", "Não", "No"],
  typed: ["Digits sent", "Dígitos enviados", "Dígitos enviados"],
  spoken: ["{party}: {words}", "{party}: {words}", "{party}: {words}"],
  callOf: ["Call with {party}", "Chamada com {party}", "Llamada con {party}"],
  unknown: ["unknown", "desconhecido", "desconocido"],
  // History
  history: ["Call history", "Histórico de chamadas", "Historial de llamadas"],
  search: ["Search by number or name", "Buscar por número ou nome", "Buscar por número o nombre"],
  which: ["Which calls", "Quais chamadas", "Qué llamadas"],
  all: ["All", "Todas", "Todas"],
  incoming: ["Incoming", "Recebidas", "Recibidas"],
  outgoing: ["Outgoing", "Realizadas", "Realizadas"],
  missed: ["Missed", "Perdidas", "Perdidas"],
  nothing: ["No calls.", "Nenhuma chamada.", "No hay llamadas."],
  further: ["Earlier calls", "Chamadas anteriores", "Llamadas anteriores"],
  redial: ["Call again: {party}", "Ligar de novo: {party}", "Llamar otra vez: {party}"],
  again: ["Call again", "Ligar de novo", "Llamar otra vez"],
  resultanswered: ["answered", "atendida", "contestada"],
  resultmissed: ["missed", "perdida", "perdida"],
  resultrefused: ["refused", "recusada", "rechazada"],
  resultforwarded: ["forwarded", "desviada", "desviada"],
  resultdnd: ["do not disturb", "não perturbe", "no molestar"],
  resultbusy: ["busy", "ocupado", "ocupado"],
  resultunanswered: ["not answered", "não atendida", "no contestada"],
  resultcancelled: ["given up", "cancelada", "cancelada"],
  resultfailed: ["failed", "falhou", "falló"],
  typeincoming: ["incoming", "recebida", "recibida"],
  typeoutgoing: ["outgoing", "realizada", "realizada"],
  // Web pages
  origins: ["Web pages", "Páginas web", "Páginas web"],
  noOrigins: [
    "Nothing was decided about any page.",
    "Nada foi decidido sobre nenhuma página.",
    "No se decidió nada sobre ninguna página.",
  ],
  originAsks: [
    "{origin} wants to use your phone",
    "{origin} quer usar o seu telefone",
    "{origin} quiere usar su teléfono",
  ],
  originAbout: [
    "Allow it only if you know this page: it may call, and hear who calls.",
    "Permita só se conhece esta página: ela poderá ligar e saber quem liga.",
    "Permítalo solo si conoce esta página: podrá llamar y saber quién llama.",
  ],
  allowOnce: ["Allow once", "Permitir uma vez", "Permitir una vez"],
  allowAlways: ["Always allow", "Permitir sempre", "Permitir siempre"],
  deny: ["Not now", "Agora não", "Ahora no"],
  block: ["Block", "Bloquear", "Bloquear"],
  forget: ["Forget", "Esquecer", "Olvidar"],
  forgetOrigin: ["Forget {origin}", "Esquecer {origin}", "Olvidar {origin}"],
  standingallowed: ["allowed", "permitida", "permitida"],
  standingblocked: ["blocked", "bloqueada", "bloqueada"],
  "standingallowed once": [
    "allowed until NEON ends",
    "permitida até o NEON terminar",
    "permitida hasta que NEON termine",
  ],
  standingconfiguration: [
    "allowed by the configuration",
    "permitida pela configuração",
    "permitida por la configuración",
  ],
  standingadministrator: [
    "allowed by the administrator",
    "permitida pelo administrador",
    "permitida por el administrador",
  ],
};

/** The first of the browser's languages that the panel speaks. */
export const language = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  .find((tag) => LANGUAGES.includes(tag)) ?? "en";
const column = LANGUAGES.indexOf(language);

/**
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(name, values = {}) {
  const text = WORDS[name]?.[column] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/**
 * Write the words into a piece of the page that names them.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const place of root.querySelectorAll("[data-words]")) {
    place.textContent = say(/** @type {HTMLElement} */ (place).dataset.words ?? "");
  }
  for (const place of root.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", say(/** @type {HTMLElement} */ (place).dataset.label ?? ""));
  }
  for (const place of root.querySelectorAll("[data-placeholder]")) {
    place.setAttribute("placeholder", say(/** @type {HTMLElement} */ (place).dataset.placeholder ?? ""));
  }
}
