"""What people do: verbs, the nouns each may govern, and how the object is determined.

Columns: Portuguese verb, English verb, determiners of the object (a, the, all, this, my, bare, num; "habit" is bare,
and only for what is repeated), objects (words or groups of things.py and places.py), and perhaps a note: "once" marks
what happens to a person rather than being planned or repeated ("lose", "break"), so that it takes the past only.
"""

from transformer_tutorial.data.phrasebook.lexicon import places, things
from transformer_tutorial.data.phrasebook.words import Noun, Verb, rows


def nouns_of(names: str) -> tuple[Noun, ...]:
    """Resolves a list of words and of groups in capitals; "pastel de nata" is written "pastel_de_nata"."""
    found = []
    for name in names.split():
        if name.isupper():
            found.extend(getattr(things, name, None) or getattr(places, name))
        else:
            word = name.replace("_", " ")
            found.append(things.THING.get(word) or places.PLACE[word])
    return tuple(found)


ACTIONS = tuple(
    Verb(pt, en, tuple(determiners.split()), nouns_of(objects), note[0] if note else "")
    for pt, en, determiners, objects, *note in rows("""
comer       eat         a the bare num      LARGE_FRUIT
comer       eat         all bare            BERRIES cogumelo azeitona cenoura batata
comer       eat         the bare            pão queijo arroz carne peixe frango bacalhau massa chocolate presunto fruta
comer       eat         a the num           DISHES
beber       drink       bare the            DRINKS
comprar     buy         bare all            FRUIT VEGETABLES flor
comprar     buy         bare the            STAPLES DRINKS
comprar     buy         a the this num      CLOTHES WARES GIFTS
comprar     buy         a this              OWN_VEHICLES HOMES FURNITURE candeeiro espelho tapete televisão quadro
vender      sell        the my              OWN_VEHICLES HOMES quadro sofá mesa computador relógio
ler         read        a the this          READING mensagem
escrever    write       a the bare          carta postal livro poema mensagem romance história
abrir       open        the this            porta janela mala caixa gaveta garrafa livro encomenda carta armário
fechar      close       the this            porta janela mala caixa gaveta livro armário
lavar       wash        the my              CLOTHES LINEN panela carro
lavar       wash        all                 uva maçã tomate cenoura morango prato copo
limpar      clean       the                 ROOMS mesa janela frigorífico espelho casa apartamento tapete
arrumar     tidy        the my              quarto sala armário gaveta cozinha escritório garagem secretária
procurar    look for    the my              BELONGINGS óculos casaco luvas
procurar    look for    a                   hotel restaurante farmácia banco apartamento casa supermercado prenda táxi
perder      lose        the my              chave mala carteira telemóvel guarda-chuva passaporte luvas mapa anel  once
perder      lose        a                   livro guarda-chuva chave anel mala luvas                              once
perder      miss        the                 comboio autocarro avião elétrico                                      once
apanhar     catch       the                 comboio autocarro avião elétrico metro
apanhar     catch       a                   táxi autocarro comboio
usar        wear        a habit             camisa camisola casaco vestido saia sapatos botas chapéu luvas gravata fato
experimentar  try on    the this a          camisa camisola casaco vestido saia calças sapatos botas chapéu fato blusa
pedir       order       a the num           DISHES café cerveja
pedir       order       bare the            peixe carne frango bacalhau vinho massa chá
pagar       pay for     the this            MEALS CLOTHES livro café cerveja bolo sobremesa vinho táxi hotel
reservar    book        a num               mesa quarto
alugar      rent        a                   carro bicicleta mota barco casa apartamento quarto
visitar     visit       the this            museu igreja castelo palácio torre cidade aldeia ilha estádio universidade
preparar    prepare     the                 MEALS salada sobremesa sopa peixe carne
cozinhar    cook        the bare            peixe frango arroz carne massa bacalhau
cortar      cut         the                 pão queijo bolo carne cebola pizza melão presunto
partir      break       a the               copo prato chávena espelho janela candeeiro cadeira garrafa           once
reparar     repair      the my              carro bicicleta mota computador telemóvel relógio televisão barco
reparar     repair      the this            elevador porta candeeiro frigorífico mesa cadeira
enviar      send        a the num           carta postal mensagem encomenda fotografia prenda
receber     receive     a num               carta prenda mensagem encomenda postal fotografia                     once
levar       take        the my a            guarda-chuva mapa máquina_fotográfica mala mochila toalha casaco livro
trazer      bring       the my              livro vinho guarda-chuva mapa computador fotografia cadeira bolo
trazer      bring       a                   flor prenda bolo sobremesa
ver         watch       a the this          filme jogo concerto
ouvir       listen to   the this a          canção concerto história
conduzir    drive       the my a            carro
conduzir    drive       the                 autocarro
fazer       make        a                   bolo salada sopa sobremesa sandes omelete pizza
fazer       make        bare                café chá pão bolo queijo sumo_de_laranja limonada
fazer       make        the                 cama jantar almoço pequeno-almoço
pintar      paint       the this my         casa porta sala quarto cozinha cadeira mesa barco
guardar     keep        the this my         carta fotografia livro receita postal revista chave
encontrar   find        the my              chave carteira passaporte telemóvel mapa livro caneta luvas           once
encontrar   find        a                   chave carteira restaurante hotel telemóvel apartamento livro    once
esquecer    forget      the my              guarda-chuva chave carteira passaporte telemóvel mapa livro           once
""")
)

HABITS = tuple(verb for verb in ACTIONS if verb.note != "once")

# What one does without an object: verb, English, then the places (words of places.py and things.py) where it is done.
PASTIMES = tuple(
    Verb(pt, en, (), nouns_of(objects))
    for pt, en, objects in rows("""
dormir      sleep           sofá quarto hotel sala
nadar       swim            mar rio piscina lago
correr      run             parque praia rua jardim floresta
trabalhar   work            hospital restaurante hotel banco escritório biblioteca universidade loja supermercado
estudar     study           biblioteca universidade quarto sala jardim
almoçar     have lunch      restaurante hotel jardim varanda parque
jantar      have dinner     restaurante hotel varanda cozinha sala
cantar      sing            igreja teatro praça
dançar      dance           praça sala
passear     go for a walk   parque praia jardim cidade floresta praça aldeia
descansar   rest            sofá quarto jardim praia varanda hotel
esperar     wait            estação aeroporto paragem_de_autocarro rua praça hospital
pescar      fish            rio lago mar ponte ilha
ler         read            biblioteca jardim praia sofá
conversar   chat            cozinha varanda pastelaria jardim rua
""")
)

# Set phrases that take no determiner, used like a verb without an object.
PURSUITS = tuple(
    (verb, pt, en_verb, en)
    for verb, pt, en_verb, en in rows("""
jogar       futebol         play        football
jogar       ténis           play        tennis
jogar       xadrez          play        chess
jogar       às cartas       play        cards
tocar       piano           play        the piano
tocar       guitarra        play        the guitar
tocar       violino         play        the violin
ouvir       música          listen to   music
ver         televisão       watch       television
fazer       compras         do          the shopping
tirar       fotografias     take        photographs
aprender    português       learn       Portuguese
aprender    inglês          learn       English
aprender    francês         learn       French
estudar     história        study       history
estudar     matemática      study       mathematics
ler         jornais         read        newspapers
andar       de bicicleta    ride        a bicycle
lavar       a louça         do          the dishes
""")
)
