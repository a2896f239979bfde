"""What one says as it stands: greetings, thanks, and a few sentences without parts to exchange."""

from transformer_tutorial.data.phrasebook.words import rows

FIXED = tuple(
    (pt, en)
    for pt, en in rows("""
Bom dia, como está?                         Good morning, how are you?
Boa tarde, como está?                       Good afternoon, how are you?
Olá, tudo bem?                              Hello, is everything all right?
Muito obrigado.                             Thank you very much.
Desculpe, não compreendo.                   Excuse me, I do not understand.
Pode repetir, por favor?                    Can you repeat that, please?
Pode falar mais devagar, por favor?         Can you speak more slowly, please?
Pode ajudar-me, por favor?                  Can you help me, please?
Como é que se chama?                        What is your name?
Como é que se diz isto em português?        How do you say this in Portuguese?
O que é isto?                               What is this?
Não sei.                                    I do not know.
Não faz mal.                                It does not matter.
Com licença.                                Excuse me.
Até amanhã.                                 See you tomorrow.
Até logo.                                   See you later.
Boa viagem!                                 Have a good journey!
Bom apetite!                                Enjoy your meal!
Feliz aniversário!                          Happy birthday!
Feliz Natal!                                Merry Christmas!
As melhoras!                                Get well soon!
Socorro!                                    Help!
Cuidado com o cão!                          Beware of the dog!
Que horas são?                              What time is it?
Que dia é hoje?                             What day is it today?
A conta, por favor.                         The bill, please.
Aceitam cartões de crédito?                 Do you accept credit cards?
Posso pagar com cartão?                     Can I pay by card?
É para comer aqui.                          It is to eat here.
É para levar.                               It is to take away.
O pequeno-almoço está incluído?             Is breakfast included?
Onde é a casa de banho?                     Where is the bathroom?
Estou perdido.                              I am lost.
Chame uma ambulância, por favor!            Call an ambulance, please!
Chame a polícia, por favor!                 Call the police, please!
Que pena!                                   What a pity!
Que bom!                                    How nice!
Está bem.                                   All right.
""")
)
