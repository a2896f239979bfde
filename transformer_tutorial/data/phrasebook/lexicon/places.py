"""Places in town and on the map. The last column is the English preposition for being "em" a place."""

from typing import NamedTuple

from transformer_tutorial.data.phrasebook.lexicon.adjectives import SUITED
from transformer_tutorial.data.phrasebook.words import read_nouns, rows

# Places that are inside and keep hours.
SERVICES = read_nouns(
    """
o hotel         hotel           grande pequeno caro barato bom novo moderno tranquilo confortável   at
o restaurante   restaurant      bom caro barato italiano francês famoso pequeno    at
o museu         museum          grande pequeno famoso interessante moderno         at
o banco         bank            grande pequeno novo                                at
a farmácia      pharmacy        pequeno novo                                       at
o mercado       market          grande pequeno antigo famoso                       at
o supermercado  supermarket     grande novo barato                                 at
a padaria       bakery          pequeno bom antigo                                 at
a pastelaria    pastry shop     pequeno bom famoso                                 at
a livraria      bookshop        grande pequeno antigo famoso                       at
a biblioteca    library         grande moderno antigo                              at
o cinema        cinema          pequeno antigo novo                                at
o teatro        theatre         antigo famoso bonito                               at
o hospital      hospital        grande novo moderno                                at
a piscina       swimming pool   grande pequeno                                     in
a loja          shop            pequeno caro barato elegante                       at
o centro comercial   shopping centre   grande moderno novo                  at
o ginásio       gym             pequeno novo moderno caro                          at
a universidade  university      antigo famoso grande                               at
o consultório   surgery         pequeno novo                                       at
""",
    SUITED,
)

SIGHTS = read_nouns(
    """
a igreja        church          antigo bonito pequeno famoso                       in
o castelo       castle          antigo famoso bonito grande                        in
a praça         square          grande bonito antigo tranquilo                     in
o parque        park            grande bonito tranquilo                            in
a praia         beach           bonito grande tranquilo famoso                     on
a torre         tower           alto antigo famoso                                 in
o palácio       palace          antigo bonito famoso                               in
o estádio       stadium         grande novo moderno                                at
a ponte         bridge          comprido antigo famoso estreito                    on
a aldeia        village         pequeno antigo bonito tranquilo                    in
a cidade        city            grande antigo bonito moderno                       in
a ilha          island          pequeno bonito tranquilo                           on
""",
    SUITED,
)

STOPS = read_nouns(
    """
a estação       station         grande pequeno antigo novo moderno                 at
o aeroporto     airport         grande novo moderno                                at
a paragem de autocarro   bus stop   pequeno                                            at
""",
    SUITED,
)

OUTDOORS = read_nouns(
    """
a rua           street          comprido largo estreito barulhento tranquilo escuro antigo   in
o rio           river           comprido largo perigoso                            in
o mar           sea             azul perigoso                                      in
a montanha      mountain        alto bonito perigoso                               in
a árvore        tree            alto velho verde                                   in
a estrada       road            comprido largo estreito perigoso                   on
o lago          lake            grande bonito                                      in
a floresta      forest          grande verde escuro bonito                         in
""",
    SUITED,
)

PLACE = {noun.pt: noun for noun in (*SERVICES, *SIGHTS, *STOPS, *OUTDOORS)}


class Proper(NamedTuple):
    """A named place: Portuguese with its article if it has one ("o Porto"), English; "overseas" has no train."""

    pt: str
    en: str
    note: str = ""

    @property
    def overseas(self) -> bool:
        return self.note == "overseas"


CITIES = tuple(
    Proper(*columns)
    for columns in rows("""
Lisboa          Lisbon
o Porto         Porto
Coimbra         Coimbra
Faro            Faro
Braga           Braga
Évora           Évora
Sintra          Sintra
Aveiro          Aveiro
Londres         London              overseas
Paris           Paris
Madrid          Madrid
Roma            Rome
Berlim          Berlin
""")
)

COUNTRIES = tuple(
    Proper(*columns)
    for columns in rows("""
Portugal        Portugal
Espanha         Spain
França          France
Itália          Italy
Inglaterra      England             overseas
a Alemanha      Germany
o Brasil        Brazil              overseas
a Suíça         Switzerland
os Estados Unidos   the United States   overseas
o Japão         Japan               overseas
a China         China               overseas
Angola          Angola              overseas
a Irlanda       Ireland             overseas
a Escócia       Scotland            overseas
a Grécia        Greece              overseas
o Algarve       the Algarve
a Madeira       Madeira             overseas
os Açores       the Azores          overseas
""")
)

# What each shop sells, by the groups and words of things.py.
STOCK = {
    "padaria": "pão bolo bolacha",
    "pastelaria": "bolo café pastel_de_nata chocolate",
    "mercado": "FRUIT VEGETABLES peixe carne queijo flor",
    "supermercado": "FRUIT VEGETABLES STAPLES leite água cerveja vinho ovo",
    "livraria": "livro revista dicionário caderno caneta mapa romance postal",
    "centro comercial": "CLOTHES brinquedo boneca perfume telemóvel relógio",
    "farmácia": "comprimido xarope",
}
