"""Things: what is eaten, drunk, worn, read, carried, driven, opened and lived with. Columns: see words.py."""

from transformer_tutorial.data.phrasebook.lexicon.adjectives import SUITED
from transformer_tutorial.data.phrasebook.words import read_nouns

# Eaten by the piece, and by the handful.
LARGE_FRUIT = read_nouns(
    """
a maçã          apple           vermelho verde maduro doce delicioso barato
a pera          pear            verde maduro doce delicioso barato
a laranja       orange          doce maduro fresco delicioso barato
a banana        banana          amarelo verde maduro delicioso barato
o pêssego       peach           maduro doce fresco delicioso
o figo          fig             maduro doce seco delicioso
o melão         melon           maduro doce fresco grande
""",
    SUITED,
)
BERRIES = read_nouns(
    """
a uva           grape           verde preto doce maduro delicioso
o morango       strawberry      vermelho doce maduro fresco delicioso caro
a cereja        cherry          vermelho doce maduro fresco delicioso caro
""",
    SUITED,
)
FRUIT = LARGE_FRUIT + BERRIES

VEGETABLES = read_nouns(
    """
o tomate        tomato          vermelho verde maduro fresco barato
a batata        potato          novo barato pequeno grande
a cenoura       carrot          fresco barato grande
a cebola        onion           vermelho barato grande pequeno
o cogumelo      mushroom        fresco caro branco
a azeitona      olive           verde preto salgado delicioso
o pepino        cucumber        fresco verde barato
""",
    SUITED,
)

# Not counted: no article where none is meant.
STAPLES = read_nouns(
    """
o pão           bread/-         fresco duro delicioso caseiro
o queijo        cheese/-        fresco salgado delicioso caro português francês
o arroz         rice/-          branco barato
a carne         meat/-          fresco caro duro delicioso
o peixe         fish/-          fresco caro delicioso salgado
o frango        chicken/-       picante delicioso frio barato
o bacalhau      cod/-           salgado delicioso caro
a massa         pasta/-         fresco italiano quente
a manteiga      butter/-        fresco salgado
o mel           honey/-         doce delicioso caseiro
o chocolate     chocolate/-     amargo doce delicioso suíço
o presunto      ham/-           salgado delicioso caro
o azeite        olive oil/-     bom caro português
o açúcar        sugar/-         branco castanho
o sal           salt/-          barato
a fruta         fruit/-         fresco maduro barato caro
""",
    SUITED,
)

DISHES = read_nouns(
    """
a sopa          soup/~          quente frio picante delicioso salgado
a salada        salad/~         fresco grande delicioso
o bolo          cake/~          doce delicioso fresco caseiro grande
a sandes        sandwich        grande fresco delicioso
o gelado        ice cream/~     grande doce delicioso
o pastel de nata   custard tart    quente doce delicioso fresco
o bife          steak           grande duro delicioso caro
a omelete       omelette        quente grande delicioso
a pizza         pizza/~         quente grande picante delicioso frio
a bolacha       biscuit         doce duro caseiro delicioso
o ovo           egg             fresco grande
a sobremesa     dessert         doce delicioso caro caseiro
""",
    SUITED,
)

DRINKS = read_nouns(
    """
a água          water/-         fresco quente frio
o leite         milk/-          quente frio fresco
o café          coffee/~        quente frio forte amargo
o chá           tea/-           quente verde preto doce amargo
o vinho         wine/-          tinto branco bom português caro
a cerveja       beer/~          fresco caro alemão preto
o sumo de laranja   orange juice/-   fresco doce
a limonada      lemonade/-      fresco doce caseiro
a água com gás  sparkling water/-    fresco
""",
    SUITED,
)

MEALS = read_nouns(
    """
o pequeno-almoço   breakfast/-   delicioso pronto    name
o almoço        lunch/-         delicioso pronto    name
o jantar        dinner/-        delicioso pronto    name
""",
    SUITED,
)

CLOTHES = read_nouns(
    """
a camisa        shirt           COLOUR AGE PRICE bonito CLEAN molhado
a camisola      jumper          COLOUR AGE PRICE bonito grosso CLEAN
o casaco        coat            COLOUR AGE PRICE comprido grosso elegante molhado
o vestido       dress           COLOUR AGE PRICE LOOKS comprido curto elegante
a saia          skirt           COLOUR novo PRICE bonito comprido curto
as calças       trousers        COLOUR AGE PRICE comprido CLEAN largo
os sapatos      shoes           preto castanho branco vermelho AGE PRICE confortável elegante CLEAN
as botas        boots           preto castanho AGE PRICE confortável sujo molhado
as meias        socks           preto branco cinzento azul AGE grosso molhado CLEAN
o chapéu        hat             preto branco castanho vermelho AGE caro elegante feio
o cachecol      scarf/scarves   COLOUR novo grosso comprido
as luvas        gloves          preto castanho vermelho novo grosso
a gravata       tie             azul vermelho verde preto elegante caro feio
o fato          suit            preto azul cinzento castanho novo caro elegante
a blusa         blouse          branco azul verde cor-de-rosa bonito elegante CLEAN
o cinto         belt            preto castanho novo caro largo
o fato de banho    swimsuit        azul vermelho preto novo molhado seco
os óculos       glasses         AGE preto caro CLEAN partido
""",
    SUITED,
)

READING = read_nouns(
    """
o livro         book            novo velho interessante aborrecido difícil caro pequeno
o jornal        newspaper       novo português inglês interessante
a revista       magazine        novo interessante aborrecido francês
a carta         letter          comprido importante
o poema         poem            bonito comprido curto difícil triste
o romance       novel           novo interessante comprido famoso português
""",
    SUITED,
)

POST = read_nouns(
    """
o postal        postcard        bonito
a mensagem      message         comprido curto importante
a encomenda     parcel          grande pequeno pesado importante
""",
    SUITED,
)

# Carried about, put down, lost and found.
BELONGINGS = read_nouns(
    """
a chave         key             pequeno novo velho
a mala          suitcase        COLOUR SIZE AGE pesado leve FULL aberto
o saco          bag             preto azul verde pesado leve FULL
a carteira      wallet          preto castanho novo vazio
o telemóvel     mobile phone    preto branco AGE caro moderno
o relógio       watch           AGE caro bonito suíço
o guarda-chuva  umbrella        preto azul vermelho AGE molhado partido
a máquina fotográfica  camera   AGE caro moderno
o mapa          map             AGE grande útil
o passaporte    passport        AGE português francês
a caneta        pen             azul preto vermelho novo barato
o lápis         pencil          azul amarelo curto novo
o caderno       notebook        azul verde pequeno novo cheio
o dicionário    dictionary      grande útil pesado novo
o computador    computer        AGE rápido lento caro moderno
a bola          ball            azul vermelho amarelo pequeno novo
a mochila       rucksack        azul verde preto grande pesado CLEAN
""",
    SUITED,
)

GIFTS = read_nouns(
    """
a flor          flower          amarelo branco vermelho azul bonito
a prenda        present         caro bonito pequeno grande
o anel/anéis    ring            caro bonito antigo
o brinquedo     toy             novo caro barato partido
a boneca        doll            bonito velho pequeno
o perfume       perfume/-       caro francês
""",
    SUITED,
)

TABLEWARE = read_nouns(
    """
o copo          glass           cheio vazio CLEAN partido
o prato         plate           branco azul CLEAN redondo partido quente
a faca          knife/knives    novo pequeno limpo
o garfo         fork            CLEAN pequeno
a colher        spoon           CLEAN pequeno grande
a chávena       cup             azul branco partido vazio CLEAN
a garrafa       bottle          FULL verde grande
a panela        pan             grande quente CLEAN velho
""",
    SUITED,
)

LINEN = read_nouns(
    """
a toalha        towel           branco azul CLEAN molhado seco
o cobertor      blanket         azul castanho grosso limpo
a almofada      pillow          branco confortável grande limpo
o lençol        sheet           branco CLEAN novo
""",
    SUITED,
)

# The last column is the English preposition for things that are "em" it.
FURNITURE = read_nouns(
    """
a mesa          table           grande pequeno redondo branco novo CLEAN livre     on
a cadeira       chair           azul verde confortável velho partido livre         on
a cama          bed             grande pequeno confortável novo                    on
o sofá          sofa            azul castanho velho confortável grande             on
a secretária    desk            grande velho castanho CLEAN                        on
a prateleira    shelf/shelves   branco comprido estreito cheio                     on
o armário       cupboard        grande velho branco cheio aberto                   in
a gaveta        drawer          OPEN FULL pequeno                                  in
a caixa         box             grande pequeno FULL aberto                         in
o frigorífico   fridge          branco novo FULL velho                             in
o cesto         basket          grande pequeno FULL                                in
""",
    SUITED,
)

FIXTURES = read_nouns(
    """
a porta         door            OPEN verde branco azul velho largo
a janela        window          OPEN grande pequeno CLEAN partido
o espelho       mirror          grande antigo partido redondo
o candeeiro     lamp            novo antigo partido bonito
o elevador      lift            pequeno lento velho
a televisão     television      grande novo velho
o quadro        painting        bonito antigo famoso caro
o tapete        carpet          vermelho azul antigo CLEAN grande
""",
    SUITED,
)

ROOMS = read_nouns(
    """
a cozinha       kitchen         grande pequeno moderno CLEAN          in
a sala          living room     grande pequeno bonito confortável CLEAN   in
o quarto        room            grande pequeno barulhento tranquilo confortável CLEAN escuro    in
a casa de banho    bathroom        grande pequeno moderno CLEAN livre     in
a varanda       balcony         grande pequeno bonito                 on
o jardim        garden          grande pequeno bonito tranquilo       in
a garagem       garage          grande pequeno escuro vazio           in
o escritório    office          grande pequeno moderno tranquilo escuro    in
""",
    SUITED,
)

HOMES = read_nouns(
    """
a casa          house           grande pequeno antigo moderno bonito caro branco    in
o apartamento   flat            grande pequeno moderno caro barato novo tranquilo   in
a quinta        farm            grande pequeno antigo bonito          on
""",
    SUITED,
)

# Driven or ridden by oneself, and those that run to a timetable. "de carro" is "by car".
OWN_VEHICLES = read_nouns(
    """
o carro         car             METAL AGE caro barato rápido lento CLEAN confortável
a bicicleta     bicycle         METAL AGE barato leve
a mota          motorbike       preto vermelho azul AGE rápido perigoso caro barulhento
o barco         boat            branco azul pequeno velho rápido lento
""",
    SUITED,
)
PUBLIC_VEHICLES = read_nouns(
    """
o comboio       train           rápido lento confortável cheio vazio atrasado
o autocarro     bus             cheio vazio lento confortável atrasado
o avião         plane           grande rápido cheio atrasado
o elétrico      tram            amarelo cheio antigo lento
o metro         underground/-   rápido moderno cheio
o táxi          taxi            preto verde livre caro
""",
    SUITED,
)

MEDIA = read_nouns(
    """
o filme         film            novo bonito triste engraçado aborrecido interessante comprido
o jogo          game            difícil fácil interessante aborrecido
a canção        song            bonito triste famoso novo
o concerto      concert         bonito comprido
a fotografia    photograph      bonito antigo famoso
a história      story           triste engraçado comprido interessante
a língua        language        difícil fácil bonito útil
o exame         exam            difícil fácil importante comprido
o exercício     exercise        difícil fácil útil curto
a pergunta      question        difícil fácil importante interessante
""",
    SUITED,
)

MEDICINE = read_nouns(
    """
o comprimido    tablet          pequeno branco caro amargo
o xarope        syrup/-         amargo doce
a receita       prescription    importante
""",
    SUITED,
)

CONTAINERS = read_nouns(
    """
o copo          glass
a chávena       cup
a garrafa       bottle
a fatia         slice
o quilo         kilo
o pacote        packet
o litro         litre
""",
    SUITED,
)
# What shops sell of the things one reads and carries.
WARES = tuple(noun for noun in READING + BELONGINGS if noun.pt not in ("carta", "poema", "chave", "passaporte"))
# What each container holds, by Portuguese name.
CONTENTS = {
    "copo": "água leite vinho limonada",
    "chávena": "chá café",
    "garrafa": "água vinho cerveja",
    "fatia": "pão bolo queijo presunto pizza",
    "quilo": "arroz carne peixe batata maçã laranja tomate cebola açúcar cereja uva banana pera cenoura",
    "pacote": "leite arroz bolacha açúcar massa",
    "litro": "leite azeite água vinho",
}

_EVERY_GROUP = (
    *FRUIT, *VEGETABLES, *STAPLES, *DISHES, *DRINKS, *MEALS, *CLOTHES, *READING, *POST, *BELONGINGS, *GIFTS,
    *TABLEWARE, *LINEN, *FURNITURE, *FIXTURES, *ROOMS, *HOMES, *OWN_VEHICLES, *PUBLIC_VEHICLES, *MEDIA, *MEDICINE,
)  # fmt: skip
THING = {noun.pt: noun for noun in _EVERY_GROUP}
