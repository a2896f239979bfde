"""Adjectives, and the groups of them that nouns refer to.

Columns: masculine[/feminine/plural/feminine plural], English, copula (ser for what something is, estar for the
state it is in), and "before" for those that stand before their noun.
"""

from transformer_tutorial.data.phrasebook.words import read_adjectives

ADJECTIVES = read_adjectives("""
branco          white            ser
preto           black            ser
vermelho        red              ser
azul            blue             ser
verde           green            ser
amarelo         yellow           ser
castanho        brown            ser
cinzento        grey             ser
cor-de-rosa/cor-de-rosa/cor-de-rosa/cor-de-rosa  pink  ser
bom/boa         good             ser    before
grande          big              ser
pequeno         small            ser
novo            new              ser
velho           old              ser
antigo          old              ser
caro            expensive        ser
barato          cheap            ser
bonito          beautiful        ser
feio            ugly             ser
comprido        long             ser
curto           short            ser
largo           wide             ser
estreito        narrow           ser
alto            tall             ser
rápido          fast             ser
lento           slow             ser
confortável     comfortable      ser
moderno         modern           ser
famoso          famous           ser
importante      important        ser
interessante    interesting      ser
aborrecido      boring           ser
engraçado       funny            ser
difícil         difficult        ser
fácil           easy             ser
útil            useful           ser
perigoso        dangerous        ser
redondo         round            ser
leve            light            ser
grosso          thick            ser
pesado          heavy            ser
elegante        elegant          ser
escuro          dark             ser
barulhento      noisy            ser
tranquilo       quiet            ser
português       Portuguese       ser
inglês          English          ser
francês         French           ser
espanhol/espanhola  Spanish      ser
alemão/alemã/alemães/alemãs  German  ser
italiano        Italian          ser
brasileiro      Brazilian        ser
americano       American         ser
japonês         Japanese         ser
chinês          Chinese          ser
irlandês        Irish            ser
escocês         Scottish         ser
holandês        Dutch            ser
suíço           Swiss            ser
grego           Greek            ser
polaco          Polish           ser
angolano        Angolan          ser
tinto           red              ser
doce            sweet            ser
salgado         salty            ser
amargo          bitter           ser
picante         spicy            ser
delicioso       delicious        ser
caseiro         home-made        ser
fresco          fresh            estar
maduro          ripe             estar
quente          hot              estar
frio            cold             estar
duro            hard             estar
pronto          ready            estar
sujo            dirty            estar
limpo           clean            estar
aberto          open             estar
fechado         closed           estar
cheio           full             estar
vazio           empty            estar
partido         broken           estar
molhado         wet              estar
seco            dry              estar
livre           free             estar
ocupado         busy             estar
jovem           young            ser
simpático       nice             ser
inteligente     intelligent      ser
forte           strong           ser
magro           thin             ser
tímido          shy              ser
trabalhador     hard-working     ser
preguiçoso      lazy             ser
educado         polite           ser
generoso        generous         ser
paciente        patient          ser
loiro           blond            ser
rico            rich             ser
pobre           poor             ser
casado          married          ser
solteiro        single           ser
cansado         tired            estar
feliz           happy            estar
triste          sad              estar
contente        pleased          estar
doente          ill              estar
zangado         angry            estar
nervoso         nervous          estar
preocupado      worried          estar
sozinho         alone            estar
atrasado        late             estar
surpreendido    surprised        estar
calmo           calm             estar
acordado        awake            estar
""")

TRAITS = {
    "COLOUR": "branco preto vermelho azul verde amarelo castanho cinzento cor-de-rosa",
    "METAL": "branco preto vermelho azul verde cinzento",
    "SIZE": "grande pequeno",
    "AGE": "novo velho",
    "PRICE": "caro barato",
    "LOOKS": "bonito feio",
    "CLEAN": "sujo limpo",
    "OPEN": "aberto fechado",
    "FULL": "cheio vazio",
    "WARM": "quente frio",
    "NATION": "português inglês francês espanhol alemão italiano brasileiro americano japonês chinês irlandês escocês"
    " holandês suíço grego polaco angolano",
    "CHARACTER": "simpático inteligente forte tímido trabalhador preguiçoso educado generoso paciente engraçado",
    "FIGURE": "alto jovem magro loiro rico pobre elegante",
    "STATUS": "casado solteiro",
    "MOOD": "cansado feliz triste contente doente zangado nervoso preocupado sozinho atrasado surpreendido calmo"
    " ocupado pronto acordado",
}

SUITED = {name: (adjective,) for name, adjective in ADJECTIVES.items()} | {
    trait: tuple(ADJECTIVES[name] for name in names.split()) for trait, names in TRAITS.items()
}
NATIONALITIES, CHARACTER, FIGURE, STATUS, MOODS = (
    SUITED[trait] for trait in ("NATION", "CHARACTER", "FIGURE", "STATUS", "MOOD")
)
