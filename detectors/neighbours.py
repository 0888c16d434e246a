"""Which countries border each other: what a phone at the border, or a carrier's roaming, may take for the other."""

from __future__ import annotations

_BORDERS = """
AD:ES,FR AE:OM,SA AF:CN,IR,PK,TJ,TM,UZ AL:GR,ME,MK,XK AM:AZ,GE,IR,TR AR:BO,BR,CL,PY,UY
AT:CH,CZ,DE,HU,IT,LI,SI,SK AZ:GE,IR,RU,TR BA:HR,ME,RS BD:IN,MM BE:DE,FR,LU,NL BG:GR,MK,RO,RS,TR BH:SA BN:MY
BO:BR,CL,PE,PY BR:CO,GF,GY,PE,PY,SR,UY,VE BT:CN,IN BW:NA,ZA,ZM,ZW BY:LT,LV,PL,RU,UA CA:US CH:DE,FR,IT,LI
CN:HK,IN,KG,KZ,LA,MM,MN,MO,NP,PK,RU,TJ,VN CL:PE CO:EC,PA,PE,VE CR:NI,PA CZ:DE,PL,SK DE:DK,FR,LU,NL,PL DK:SE
DO:HT DZ:LY,MA,TN EC:PE EE:FI,LV,RU EG:IL,LY,SD ES:FR,GI,MA,PT ET:DJ,ER,KE,SO,SS FI:NO,RU,SE FR:GB,IT,LU,MC
GB:GI,GG,IE,IM,JE GE:RU,TR GH:BF,CI,TG GR:MK,TR GT:BZ,HN,MX,SV HK:MO HN:NI,SV HR:HU,ME,RS,SI HU:RO,RS,SI,SK,UA
ID:MY,PG,TL IL:JO,LB,PS,SY IN:LK,MM,NP,PK IQ:IR,JO,KW,SA,SY,TR IR:PK,TM,TR IT:MT,SI,SM,VA JO:PS,SA,SY KE:TZ,UG
KG:KZ,TJ,UZ KH:LA,TH,VN KW:SA KZ:RU,TM,UZ LA:MM,TH,VN LB:SY LT:LV,PL,RU LV:RU LY:TN MD:RO,UA ME:RS,XK MK:RS,XK
MM:TH MN:RU MW:MZ,TZ,ZM MX:US MY:SG,TH MZ:TZ,ZA,ZM,ZW NA:ZA,ZM NG:BJ,CM,NE,TD NO:RU,SE OM:SA,YE PL:RU,SK,UA
QA:SA RO:RS,UA RS:XK RU:UA RW:BI,CD,TZ,UG SA:YE SE:DK SK:UA SN:GM,ML,MR TJ:UZ TM:UZ TZ:UG,ZM ZA:LS,SZ,ZW ZM:ZW
"""
"""Land borders, and the bridges, tunnels and short ferries that people cross as if there were one. ISO 3166-1."""


def _pairs() -> frozenset[frozenset[str]]:
    entries = (entry.split(":") for entry in _BORDERS.split())
    return frozenset(frozenset((country, other)) for country, others in entries for other in others.split(","))


_NEIGHBOURS = _pairs()


def are_neighbours(country: str, other: str) -> bool:
    """Say whether two countries (ISO 3166-1 alpha-2) border each other."""
    return frozenset((country, other)) in _NEIGHBOURS
