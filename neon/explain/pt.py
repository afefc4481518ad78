"""As palavras em português: o que aconteceu e o que fazer."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "calling": ("A ligação foi enviada e ainda não foi atendida.", ""),
    "ringing": ("A ligação está chamando aqui.", "Atenda ou desligue."),
    "up": ("A ligação está em andamento.", ""),
    "by-us": ("A ligação foi encerrada deste lado.", ""),
    "by-them": ("O outro lado desligou.", ""),
    "cancelled": ("A ligação foi cancelada deste lado antes de alguém atender.", ""),
    "caller-gave-up": ("Quem ligou desistiu antes de a ligação ser atendida aqui.", "Ligue de volta, se a perdeu."),
    "refused-by-us": ("A ligação foi recusada aqui, ou este telefone não tinha linha livre.", ""),
    "transferred": ("O outro lado foi transferido para outra pessoa, e a ligação terminou aqui.", ""),
    "moved-on": ("O outro lado ligou você a outra pessoa, em uma chamada própria; esta terminou com isso.", ""),
    "answered-elsewhere": ("A ligação foi atendida em outro telefone seu.", ""),
    "deflected": ("A ligação foi passada a outra pessoa antes de ser atendida aqui.", ""),
    "transfer-failed": (
        "A ligação não pôde ser transferida; ela continua aqui.",
        "Confira para quem seria transferida e se a operadora permite transferências.",
    ),
    "stopping": ("O NEON foi encerrado durante a ligação.", ""),
    "account-given-up": ("A conta desta ligação foi desconectada, e suas ligações terminaram com ela.", ""),
    "busy": ("O outro lado está ocupado.", "Tente mais tarde."),
    "declined": ("O outro lado recusou a ligação.", "Tente mais tarde ou mande uma mensagem."),
    "unavailable": (
        "Ninguém pode ser alcançado nesse número agora: o telefone está desligado ou não registrado.",
        "Tente mais tarde.",
    ),
    "unanswered": ("Chamou, e ninguém atendeu.", "Tente mais tarde."),
    "no-such-number": ("O número não existe na operadora.", "Confira o número e o prefixo."),
    "gone": ("O número foi desativado.", "Peça o número novo."),
    "incomplete": ("O número está incompleto.", "Disque com o código de área ou o prefixo."),
    "ambiguous": ("O número serve para várias linhas.", "Disque o número completo."),
    "moved": ("O número mudou de endereço.", "Disque o novo endereço, indicado nas mensagens abaixo."),
    "unwanted": ("O outro lado marcou as suas ligações como indesejadas.", "Fale com a pessoa por outro meio."),
    "blocked": ("O filtro da operadora bloqueou a ligação.", "Pergunte o motivo à operadora."),
    "password": (
        "A operadora não aceitou o usuário ou a senha da conta.",
        "Confira o número, o usuário e a senha da conta.",
    ),
    "payment": ("A operadora exige pagamento antes.", "Confira o saldo da conta."),
    "forbidden": (
        "A operadora não permite esta ligação.",
        "Confira o saldo e o que a conta pode discar, ou pergunte à operadora.",
    ),
    "no-codec": (
        "Os dois lados não encontraram um formato de som em comum.",
        "Ative o G.711 (PCMA, PCMU) no outro lado e desative a criptografia (SRTP) dele.",
    ),
    "not-encrypted": (
        "Esta conta só faz chamadas criptografadas e o outro lado não ofereceu criptografia.",
        "Ative SRTP com chaves no SDP (SDES) no outro lado, ou use srtp = optional na conta daqui.",
    ),
    "encryption-differs": (
        "Os dois lados criptografariam a chamada, mas não da mesma forma.",
        "Ative AES_CM_128_HMAC_SHA1_80 com chaves no SDP (SDES) no outro lado.",
    ),
    "incompatible": ("O outro lado não entende algo no pedido.", "Mostre as mensagens abaixo à operadora."),
    "too-big": ("O outro lado achou o pedido longo demais.", "Mostre as mensagens abaixo à operadora."),
    "bad-request": (
        "O outro lado não conseguiu ler o pedido.",
        "Veja se há caracteres estranhos no número; se não, mostre as mensagens abaixo à operadora.",
    ),
    "loop": ("A ligação andou em círculo na operadora.", "Confira os desvios de chamada desse número."),
    "forgotten-there": ("O outro lado já tinha esquecido a ligação.", "Ligue de novo."),
    "crossed": ("Dois pedidos da ligação se cruzaram.", "Ligue de novo."),
    "gateway": (
        "A operadora não conseguiu alcançar a rede desse número.",
        "Tente mais tarde; se continuar, avise a operadora.",
    ),
    "overloaded": ("A operadora está sobrecarregada ou em manutenção.", "Tente de novo em alguns minutos."),
    "server-broken": ("O servidor da operadora falhou.", "Tente de novo; se continuar, avise a operadora."),
    "refused": ("O outro lado recusou a ligação.", "Mostre as mensagens abaixo à operadora."),
    "unknown": (
        "A ligação terminou com um código que não existe no SIP.",
        "Mostre as mensagens abaixo à operadora.",
    ),
    "timeout": (
        "O servidor respondeu no começo e depois não disse mais nada.",
        "Tente de novo; se continuar, verifique a rede e o firewall.",
    ),
    "certificate-expired": (
        "O certificado do servidor venceu, por isso não se fez conexão segura.",
        "Peça ao provedor que o renove. Verifique também a data deste computador.",
    ),
    "certificate-early": (
        "O certificado do servidor ainda não é válido, por isso não se fez conexão segura.",
        "Verifique a data deste computador.",
    ),
    "certificate-issuer": (
        "O certificado do servidor é de uma autoridade em que este computador não confia.",
        "Se o servidor é seu, indique o arquivo da autoridade em tls-ca-file; senão, pode haver alguém no meio.",
    ),
    "certificate-revoked": (
        "O certificado do servidor foi revogado pela autoridade.",
        "Fale com o provedor; não tente outro caminho.",
    ),
    "certificate-name": (
        "O servidor tem um certificado para outro nome, que não é o domínio nem o proxy da conta.",
        "Escreva o domínio como o provedor o escreve. O nome deve estar inteiro no certificado: * não vale.",
    ),
    "certificate-bad": (
        "O certificado do servidor não serve para uma conexão segura.",
        "Fale com o provedor e diga a hora desta tentativa.",
    ),
    "certificate-wanted": (
        "O servidor não aceita ninguém sem certificado, e o NEON não tem nenhum.",
        "Peça ao provedor um certificado e a chave dele, e indique os arquivos em tls-certificate e tls-key.",
    ),
    "certificate-refused": (
        "O servidor não aceita o certificado que o NEON lhe mostrou.",
        "Veja se o arquivo em tls-certificate é o do provedor e não venceu; a cadeia também deve estar nele.",
    ),
    "no-tls": (
        "O servidor e o NEON não chegaram a acordo sobre uma conexão segura.",
        "Verifique a porta (5061 é a usual de TLS) e se o servidor pede um certificado seu (tls-certificate).",
    ),
    "connection-refused": (
        "Ninguém aceita conexões no endereço e na porta do servidor.",
        "Verifique a porta e o transporte; o servidor também pode estar parado.",
    ),
    "no-connection": (
        "Não foi possível conectar ao servidor.",
        "Verifique a rede, o firewall (TCP) e o endereço do servidor.",
    ),
    "connection-lost": (
        "A conexão com o servidor caiu.",
        "O NEON conecta e registra de novo sozinho; se acontece muito, olhe a rede.",
    ),
    "no-server": (
        "Nenhuma resposta veio do servidor.",
        "Verifique a rede, o firewall (UDP) e o endereço do servidor.",
    ),
    "no-address": (
        "O nome do servidor não tem endereço no DNS.",
        "Confira a escrita do endereço e o DNS desta máquina.",
    ),
    "silent": (
        "Durante muito tempo não chegou som, e a ligação foi encerrada.",
        "Verifique se o firewall e o roteador deixam passar as portas de áudio (UDP).",
    ),
    "no-ack": (
        "Quem ligou nunca confirmou a nossa resposta.",
        "Verifique se o firewall deixa passar o SIP (UDP) nos dois sentidos.",
    ),
    "no-prack": (
        "Quem ligou nunca confirmou que aqui está tocando.",
        "Verifique se o firewall deixa passar o SIP nos dois sentidos; quem liga pode deixar de exigir 100rel.",
    ),
    "session-expired": (
        "O outro lado sumiu durante a ligação: parou de dar sinais de vida.",
        "Se as ligações terminam assim sempre depois do mesmo tempo, entregue ao provedor as mensagens abaixo.",
    ),
    "interrupted": (
        "O NEON parou sem aviso (uma falha, falta de energia) durante esta ligação, e a encerrou quando voltou.",
        "Ligue de novo. Se ninguém encerrou o NEON, o log pode ter o motivo: por favor, avise-nos.",
    ),
    "unfinished": ("O outro lado nunca confirmou o fim da ligação.", ""),
    "no-audio-address": (
        "O endereço reservado para o áudio não é, no momento, deste computador.",
        "Ative de novo a rede desse endereço, ou mude bind em [media]; * são todos os endereços.",
    ),
    "no-port": (
        "Não havia porta de áudio livre.",
        "Encerre algumas ligações ou aumente a faixa de portas em [media].",
    ),
    "incoming-failed": (
        "A ligação recebida falhou antes de poder ser atendida.",
        "Mostre as mensagens abaixo a quem ligou.",
    ),
    "internal": ("Algo quebrou no NEON.", "O log tem os detalhes: por favor, informe-os."),
    "account-registering": ("A conta está sendo registrada.", "Espere alguns segundos."),
    "account-registered": ("A conta está registrada: é possível fazer e receber ligações.", ""),
    "account-unregistered": ("A conta foi desconectada.", "Registre-a de novo para usá-la."),
    "account-cancelled": ("A conta foi abandonada antes de ser registrada.", "Registre-a de novo para usá-la."),
    "account-password": (
        "A operadora não aceitou o usuário ou a senha.",
        "Confira o número, o usuário (algumas operadoras usam um diferente do número) e a senha.",
    ),
    "account-403": (
        "A operadora não permite que esta conta se registre.",
        "Pergunte à operadora se a conta está ativa e se pode ser usada daqui.",
    ),
    "account-404": ("A operadora não conhece este número.", "Confira o número e o domínio."),
    "account-423": (
        "A operadora quer que o registro dure mais do que foi pedido.",
        "Aumente o 'expires' da conta.",
    ),
    "account-refused": ("A operadora recusou o registro.", "Mostre as mensagens abaixo à operadora."),
    "account-broken": (
        "O servidor da operadora falhou; o NEON continua tentando.",
        "Espere; se continuar, avise a operadora.",
    ),
    "account-expired": (
        "O servidor parou de responder e o registro venceu; o NEON continua tentando.",
        "Verifique a rede; se o resto funciona, avise a operadora.",
    ),
    "account-silent": (
        "Nenhuma resposta veio do servidor; o NEON continua tentando.",
        "Verifique a rede, o firewall (UDP), o domínio e a porta.",
    ),
    "account-name": (
        "O nome do servidor não foi encontrado, ou a rede não pôde ser usada; o NEON continua tentando.",
        "Confira a escrita do domínio, a rede e o DNS desta máquina.",
    ),
    "account-malformed": (
        "O domínio ou o proxy da conta está mal escrito.",
        "Corrija-o e registre a conta de novo.",
    ),
    # The sound of a call that is up (neon.values.MediaProblem)
    "no-audio": (
        "Não chega nenhum som do outro lado.",
        "Verifique se o firewall e o roteador deixam passar as portas de áudio (UDP).",
    ),
    "one-way": (
        "O outro lado recebe você, mas de lá não chega nenhum som.",
        "Verifique se o firewall e o roteador deixam entrar as portas de áudio (UDP); pergunte se o outro "
        "lado está mudo.",
    ),
    "high-loss": (
        "Grande parte do som se perde no caminho.",
        "Use um cabo em vez de Wi-Fi e pause downloads e vídeos; se continuar, avise o provedor.",
    ),
    "silent-microphone": (
        "Seu microfone não dá som nenhum.",
        "Verifique se ele está mudo, no fone ou no sistema, e se o certo está escolhido.",
    ),
    "device-gone": (
        "A placa de som ou o fone não funciona.",
        "Conecte de novo ou escolha outro; a ligação continua enquanto isso.",
    ),
    "audio-heard": (
        "O microfone ouviu o alto-falante, a {decibels} dB: os dois funcionam.",
        "",
    ),
    "audio-not-heard": (
        "O microfone funciona, mas não ouviu o alto-falante.",
        "Com um fone isso é normal, se você ouviu o tom. Senão, aumente o volume ou escolha outro.",
    ),
    "audio-silent-microphone": (
        "O microfone não dá som nenhum.",
        "Verifique se ele está mudo, no fone ou no sistema, e se o certo está escolhido.",
    ),
    "audio-no-microphone": (
        "Não há microfone que funcione.",
        "Conecte um ou escolha outro.",
    ),
    "audio-no-speaker": (
        "Não há alto-falante que funcione.",
        "Conecte um ou escolha outro.",
    ),
    "audio-no-device": (
        "Não há dispositivo de som que funcione.",
        "Conecte um fone e verifique se o som do sistema funciona.",
    ),
}
