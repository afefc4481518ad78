"""Las palabras en español: qué pasó y qué hacer."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "calling": ("La llamada se envió y todavía no ha sido atendida.", ""),
    "ringing": ("La llamada está sonando aquí.", "Atiéndala o cuelgue."),
    "up": ("La llamada está en curso.", ""),
    "by-us": ("La llamada se terminó de este lado.", ""),
    "by-them": ("El otro lado colgó.", ""),
    "cancelled": ("La llamada se canceló de este lado antes de que alguien atendiera.", ""),
    "caller-gave-up": (
        "Quien llamaba desistió antes de que la llamada se atendiera aquí.",
        "Devuelva la llamada si la perdió.",
    ),
    "refused-by-us": ("La llamada se rechazó aquí, o este teléfono no tenía línea libre.", ""),
    "transferred": ("El otro lado fue transferido a otra persona, y la llamada terminó aquí.", ""),
    "moved-on": ("El otro lado lo conectó con otra persona, en una llamada aparte; esta terminó con ello.", ""),
    "answered-elsewhere": ("La llamada se atendió en otro teléfono suyo.", ""),
    "deflected": ("La llamada se pasó a otra persona antes de atenderse aquí.", ""),
    "transfer-failed": (
        "La llamada no se pudo transferir; sigue aquí.",
        "Revise a quién se iba a transferir y si el operador permite transferencias.",
    ),
    "stopping": ("NEON se detuvo durante la llamada.", ""),
    "account-given-up": ("La cuenta de esta llamada se desconectó, y sus llamadas terminaron con ella.", ""),
    "busy": ("El otro lado está ocupado.", "Inténtelo más tarde."),
    "declined": ("El otro lado rechazó la llamada.", "Inténtelo más tarde o envíe un mensaje."),
    "unavailable": (
        "Ahora no se puede alcanzar a nadie en ese número: el teléfono está apagado o sin registrar.",
        "Inténtelo más tarde.",
    ),
    "unanswered": ("Sonó y nadie atendió.", "Inténtelo más tarde."),
    "no-such-number": ("El número no existe en el operador.", "Revise el número y su prefijo."),
    "gone": ("El número fue dado de baja.", "Pida el número nuevo."),
    "incomplete": ("El número está incompleto.", "Márquelo con el código de área o el prefijo."),
    "ambiguous": ("El número corresponde a varias líneas.", "Marque el número completo."),
    "moved": ("El número cambió de dirección.", "Marque la dirección nueva que indican los mensajes de abajo."),
    "unwanted": ("El otro lado marcó sus llamadas como no deseadas.", "Comuníquese por otro medio."),
    "blocked": ("El filtro del operador bloqueó la llamada.", "Pregunte el motivo al operador."),
    "password": (
        "El operador no aceptó el usuario o la contraseña de la cuenta.",
        "Revise el número, el usuario y la contraseña de la cuenta.",
    ),
    "payment": ("El operador exige un pago antes.", "Revise el saldo de la cuenta."),
    "forbidden": (
        "El operador no permite esta llamada.",
        "Revise el saldo y lo que la cuenta puede marcar, o pregunte al operador.",
    ),
    "no-codec": (
        "Los dos lados no encontraron un formato de sonido en común.",
        "Active G.711 (PCMA, PCMU) en el otro lado y desactive su cifrado (SRTP).",
    ),
    "not-encrypted": (
        "Esta cuenta solo hace llamadas cifradas y el otro lado no ofreció cifrado.",
        "Active SRTP con claves en SDP (SDES) en el otro lado, o ponga srtp = optional en la cuenta de aquí.",
    ),
    "encryption-differs": (
        "Los dos lados cifrarían la llamada, pero no de la misma manera.",
        "Active AES_CM_128_HMAC_SHA1_80 con claves en SDP (SDES) en el otro lado.",
    ),
    "incompatible": ("El otro lado no entiende algo de la petición.", "Muestre los mensajes de abajo al operador."),
    "too-big": (
        "Al otro lado la petición le pareció demasiado larga.",
        "Muestre los mensajes de abajo al operador.",
    ),
    "bad-request": (
        "El otro lado no pudo leer la petición.",
        "Vea si el número tiene caracteres extraños; si no, muestre los mensajes de abajo al operador.",
    ),
    "loop": ("La llamada dio vueltas en círculo en el operador.", "Revise los desvíos de ese número."),
    "forgotten-there": ("El otro lado ya había olvidado la llamada.", "Llame de nuevo."),
    "crossed": ("Dos peticiones de la llamada se cruzaron.", "Llame de nuevo."),
    "gateway": (
        "El operador no pudo alcanzar la red de ese número.",
        "Inténtelo más tarde; si sigue así, avise al operador.",
    ),
    "overloaded": ("El operador está sobrecargado o en mantenimiento.", "Inténtelo de nuevo en unos minutos."),
    "server-broken": ("El servidor del operador falló.", "Inténtelo de nuevo; si sigue así, avise al operador."),
    "refused": ("El otro lado rechazó la llamada.", "Muestre los mensajes de abajo al operador."),
    "unknown": (
        "La llamada terminó con un código que no existe en SIP.",
        "Muestre los mensajes de abajo al operador.",
    ),
    "timeout": (
        "El servidor respondió al principio y después no dijo nada más.",
        "Inténtelo de nuevo; si sigue así, revise la red y el cortafuegos.",
    ),
    "certificate-expired": (
        "El certificado del servidor ha caducado, por eso no se hizo una conexión segura.",
        "Pida al proveedor que lo renueve. Revise también la fecha de este equipo.",
    ),
    "certificate-early": (
        "El certificado del servidor aún no es válido, por eso no se hizo una conexión segura.",
        "Revise la fecha de este equipo.",
    ),
    "certificate-issuer": (
        "El certificado del servidor es de una autoridad en la que este equipo no confía.",
        "Si el servidor es suyo, indique el archivo de la autoridad en tls-ca-file; si no, puede haber un intruso.",
    ),
    "certificate-revoked": (
        "El certificado del servidor fue revocado por su autoridad.",
        "Hable con el proveedor; no pruebe otro camino.",
    ),
    "certificate-name": (
        "El servidor tiene un certificado para otro nombre, que no es el dominio ni el proxy de la cuenta.",
        "Escriba el dominio como lo escribe el proveedor. El nombre debe estar entero en el certificado: * no vale.",
    ),
    "certificate-bad": (
        "El certificado del servidor no sirve para una conexión segura.",
        "Hable con el proveedor y diga la hora de este intento.",
    ),
    "certificate-wanted": (
        "El servidor no acepta a nadie sin certificado, y NEON no tiene ninguno.",
        "Pida al proveedor un certificado y su clave, e indique los archivos en tls-certificate y tls-key.",
    ),
    "certificate-refused": (
        "El servidor no acepta el certificado que NEON le mostró.",
        "Mire si el archivo de tls-certificate es el del proveedor y no venció; la cadena también debe estar en él.",
    ),
    "no-tls": (
        "El servidor y NEON no se pusieron de acuerdo en una conexión segura.",
        "Revise el puerto (5061 es lo usual con TLS) y si el servidor pide un certificado suyo (tls-certificate).",
    ),
    "connection-refused": (
        "Nadie acepta conexiones en la dirección y el puerto del servidor.",
        "Revise el puerto y el transporte; el servidor también puede estar parado.",
    ),
    "no-connection": (
        "No se pudo conectar con el servidor.",
        "Revise la red, el cortafuegos (TCP) y la dirección del servidor.",
    ),
    "connection-lost": (
        "La conexión con el servidor se cortó.",
        "NEON conecta y registra de nuevo por sí solo; si ocurre a menudo, mire la red.",
    ),
    "no-server": (
        "No llegó ninguna respuesta del servidor.",
        "Revise la red, el cortafuegos (UDP) y la dirección del servidor.",
    ),
    "no-address": (
        "El nombre del servidor no tiene dirección en el DNS.",
        "Revise cómo está escrita la dirección y el DNS de esta máquina.",
    ),
    "silent": (
        "Durante mucho tiempo no llegó sonido, y la llamada se terminó.",
        "Revise que el cortafuegos y el router dejen pasar los puertos de audio (UDP).",
    ),
    "no-ack": (
        "Quien llamaba nunca confirmó nuestra respuesta.",
        "Revise que el cortafuegos deje pasar SIP (UDP) en los dos sentidos.",
    ),
    "no-prack": (
        "Quien llamaba nunca confirmó que aquí está sonando.",
        "Revise que el cortafuegos deje pasar SIP en los dos sentidos; quien llama puede dejar de exigir 100rel.",
    ),
    "session-expired": (
        "El otro lado desapareció durante la llamada: dejó de dar señales de vida.",
        "Si las llamadas terminan así siempre al mismo tiempo, entregue al proveedor los mensajes de abajo.",
    ),
    "interrupted": (
        "NEON terminó sin aviso (un fallo, un corte de luz) durante esta llamada, y la terminó al volver.",
        "Llame de nuevo. Si nadie cerró NEON, el registro puede tener el motivo: por favor, avísenos.",
    ),
    "unfinished": ("El otro lado nunca confirmó el final de la llamada.", ""),
    "no-audio-address": (
        "La dirección reservada para el audio no es, por ahora, de este equipo.",
        "Active de nuevo la red de esa dirección, o cambie bind en [media]; * son todas las direcciones.",
    ),
    "no-port": (
        "No había ningún puerto de audio libre.",
        "Termine algunas llamadas o amplíe el rango de puertos en [media].",
    ),
    "incoming-failed": (
        "La llamada entrante falló antes de poder atenderse.",
        "Muestre los mensajes de abajo a quien llamó.",
    ),
    "internal": ("Algo se rompió en NEON.", "El registro tiene los detalles: por favor, infórmelos."),
    "account-registering": ("La cuenta se está registrando.", "Espere unos segundos."),
    "account-registered": ("La cuenta está registrada: se pueden hacer y recibir llamadas.", ""),
    "account-unregistered": ("La cuenta se desconectó.", "Regístrela de nuevo para usarla."),
    "account-cancelled": ("La cuenta se abandonó antes de quedar registrada.", "Regístrela de nuevo para usarla."),
    "account-password": (
        "El operador no aceptó el usuario o la contraseña.",
        "Revise el número, el usuario (algunos operadores usan uno distinto del número) y la contraseña.",
    ),
    "account-403": (
        "El operador no permite que esta cuenta se registre.",
        "Pregunte al operador si la cuenta está activa y si puede usarse desde aquí.",
    ),
    "account-404": ("El operador no conoce este número.", "Revise el número y el dominio."),
    "account-423": (
        "El operador quiere que el registro dure más de lo que se pidió.",
        "Aumente el 'expires' de la cuenta.",
    ),
    "account-refused": ("El operador rechazó el registro.", "Muestre los mensajes de abajo al operador."),
    "account-broken": (
        "El servidor del operador falló; NEON sigue intentando.",
        "Espere; si sigue así, avise al operador.",
    ),
    "account-expired": (
        "El servidor dejó de responder y el registro venció; NEON sigue intentando.",
        "Revise la red; si lo demás funciona, avise al operador.",
    ),
    "account-silent": (
        "No llegó ninguna respuesta del servidor; NEON sigue intentando.",
        "Revise la red, el cortafuegos (UDP), el dominio y el puerto.",
    ),
    "account-name": (
        "No se encontró el nombre del servidor, o no se pudo usar la red; NEON sigue intentando.",
        "Revise cómo está escrito el dominio, la red y el DNS de esta máquina.",
    ),
    "account-malformed": (
        "El dominio o el proxy de la cuenta está mal escrito.",
        "Corríjalo y registre la cuenta de nuevo.",
    ),
    # The sound of a call that is up (neon.values.MediaProblem)
    "no-audio": (
        "No llega ningún sonido del otro lado.",
        "Revise que el cortafuegos y el router dejen pasar los puertos de audio (UDP).",
    ),
    "one-way": (
        "El otro lado lo recibe a usted, pero de allí no llega ningún sonido.",
        "Revise que el cortafuegos y el router dejen entrar los puertos de audio (UDP); pregunte si el otro "
        "lado está silenciado.",
    ),
    "high-loss": (
        "Gran parte del sonido se pierde por el camino.",
        "Use un cable en vez de Wi-Fi y pause descargas y vídeos; si sigue así, avise al proveedor.",
    ),
    "silent-microphone": (
        "Su micrófono no da ningún sonido.",
        "Revise si está silenciado, en los auriculares o en el sistema, y si está elegido el correcto.",
    ),
    "device-gone": (
        "La tarjeta de sonido o los auriculares no funcionan.",
        "Vuelva a conectarlos o elija otros; la llamada sigue mientras tanto.",
    ),
    "audio-heard": (
        "El micrófono oyó el altavoz, a {decibels} dB: los dos funcionan.",
        "",
    ),
    "audio-not-heard": (
        "El micrófono funciona, pero no oyó el altavoz.",
        "Con auriculares es normal, si usted oyó el tono. Si no, suba el volumen o elija otro.",
    ),
    "audio-silent-microphone": (
        "El micrófono no da ningún sonido.",
        "Revise si está silenciado, en los auriculares o en el sistema, y si está elegido el correcto.",
    ),
    "audio-no-microphone": (
        "No hay ningún micrófono que funcione.",
        "Conecte uno o elija otro.",
    ),
    "audio-no-speaker": (
        "No hay ningún altavoz que funcione.",
        "Conecte uno o elija otro.",
    ),
    "audio-no-device": (
        "No hay ningún dispositivo de sonido que funcione.",
        "Conecte unos auriculares y revise si el sonido del sistema funciona.",
    ),
}
