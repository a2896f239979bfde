"""People: pronouns, names, family, trades, and the parts of the body."""

from transformer_tutorial.data.phrasebook.words import read_nouns, rows

NAMES_M = ("João", "Pedro", "Rui", "Miguel", "Tiago", "Paulo", "José", "André", "Manuel", "Francisco", "Nuno", "Jorge")
NAMES_F = ("Maria", "Ana", "Sofia", "Inês", "Joana", "Marta", "Teresa", "Rita", "Catarina", "Helena", "Luísa", "Clara")

# Kin of somebody: always with a possessor.
KIN = read_nouns(
    """
o pai           father
a mãe           mother
o irmão/irmãos  brother
a irmã          sister
o avô           grandfather
a avó           grandmother
o filho         son
a filha         daughter
o marido        husband
a mulher        wife
o tio           uncle
a tia           aunt
o primo         cousin
a prima         cousin
o sobrinho      nephew
a sobrinha      niece
o neto          grandson
a neta          granddaughter
o amigo         friend
a amiga         friend
o vizinho       neighbour
a vizinha       neighbour
o professor     teacher
a professora    teacher
o colega        colleague
""",
    {},
)
SPOUSES = ("marido", "mulher")
# Kin that come in numbers; "filhos" and "netos" of both sexes are children and grandchildren.
KIN_IN_PLURAL = read_nouns(
    """
os pais         parents
os avós         grandparents
os irmãos       brothers
as irmãs        sisters
os filhos       children
as filhas       daughters
os primos       cousins
os amigos       friends
as amigas       friends
os vizinhos     neighbours
os netos        grandchildren
os colegas      colleagues
""",
    {},
)
COUNTED_KIN = read_nouns(
    """
o irmão/irmãos  brother
a irmã          sister
o filho         son/children
a filha         daughter
o primo         cousin
a prima         cousin
o neto          grandson/grandchildren
o amigo         friend
""",
    {},
)
KINSHIP = {noun.pt: noun for noun in (*KIN_IN_PLURAL, *KIN)}

# Anybody one sees about. Columns as elsewhere.
FOLK = read_nouns(
    """
o rapaz         boy
a rapariga      girl
o homem         man/men
a mulher        woman/women
a criança       child/children
o turista       tourist
o cliente       customer
o aluno         pupil
a aluna         pupil
o estudante     student
a estudante     student
o médico        doctor
a médica        doctor
a enfermeira    nurse
o empregado de mesa   waiter
a empregada de mesa   waitress
o cozinheiro    cook
a cozinheira    cook
o polícia       police officer
o motorista     driver
o ator          actor
a atriz         actress
o cantor        singer
a cantora       singer
o carteiro      postman/postmen
o agricultor    farmer
""",
    {},
)

# Masculine and feminine of a trade, and the same in English.
TRADES = tuple(
    rows("""
professor          professora         teacher           teacher
médico             médica             doctor            doctor
enfermeiro         enfermeira         nurse             nurse
engenheiro         engenheira         engineer          engineer
advogado           advogada           lawyer            lawyer
cozinheiro         cozinheira         cook              cook
empregado de mesa  empregada de mesa  waiter            waitress
jornalista         jornalista         journalist        journalist
dentista           dentista           dentist           dentist
escritor           escritora          writer            writer
pintor             pintora            painter           painter
cantor             cantora            singer            singer
arquiteto          arquiteta          architect         architect
farmacêutico       farmacêutica       pharmacist        pharmacist
motorista          motorista          driver            driver
polícia            polícia            police officer    police officer
estudante          estudante          student           student
cabeleireiro       cabeleireira       hairdresser       hairdresser
fotógrafo          fotógrafa          photographer      photographer
""")
)

LANGUAGES = tuple(
    tuple(row)
    for row in rows("""
português      Portuguese
inglês         English
francês        French
espanhol       Spanish
alemão         German
italiano       Italian
japonês        Japanese
chinês         Chinese
russo          Russian
""")
)

SUBJECTS_OF_STUDY = tuple(
    tuple(row)
    for row in rows("""
história       history
matemática     mathematics
medicina       medicine
música         music
direito        law
física         physics
geografia      geography
""")
)

BODY = read_nouns(
    """
a cabeça        head
a garganta      throat
a barriga       stomach
o braço         arm
a perna         leg
o pé            foot/feet
a mão/mãos      hand
o joelho        knee
o dente         tooth/teeth
o olho          eye
o ouvido        ear
o ombro         shoulder
o dedo          finger
""",
    {},
)
PAIRED = {"braço", "perna", "pé", "mão", "joelho", "dente", "olho", "ouvido", "ombro", "dedo"}
