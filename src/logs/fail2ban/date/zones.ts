/** Time zones as fail2ban knows them: offsets, and abbreviations each of which stands for one offset. Pure. */

// Abbreviations by their offset from UTC in minutes. Which of several zones of the same letters is meant is fail2ban's choice.
const ABBREVIATIONS: readonly (readonly [minutes: number, names: string])[] = [
  [-720, "Y"],
  [-660, "X NUT SST"],
  [-600, "W CKT HAST HST TAHT TKT"],
  [-570, "MART MIT"],
  [-540, "V AKST GAMT GIT HADT HNY"],
  [-480, "U AKDT CIST HAY HNP PST PT"],
  [-420, "T HAP HNR MST PDT"],
  [-360, "S CST EAST GALT HAR HNC MDT"],
  [-300, "R CDT COT EASST ECT EST ET HAC HNE PET"],
  [-270, "HLV VET"],
  [-240, "Q AST BOT CLT COST EDT FKT GYT HAE HNA PYT"],
  [-210, "HNT NST NT"],
  [-180, "P ADT ART BRT CLST FKST GFT HAA PMST PYST SRT UYT WGT"],
  [-150, "HAT NDT"],
  [-120, "O BRST FNT PMDT UYST WGST"],
  [-60, "N AZOT CVT EGT"],
  [0, "Z EGST GMT UTC WET WT"],
  [60, "A CET DFT WAT WEDT WEST"],
  [120, "B CAT CEDT CEST EET SAST WAST"],
  [180, "C EAT EEDT EEST IDT MSK"],
  [210, "IRST"],
  [240, "D AMT AZT GET GST KUYT MSD MUT RET SAMT SCT"],
  [270, "AFT IRDT"],
  [300, "E AMST AQTT AZST HMT MAWT MVT PKT TFT TJT TMT UZT YEKT"],
  [330, "SLT"],
  [345, "NPT"],
  [360, "F ALMT BIOT BTT IOT KGT NOVT OMST YEKST"],
  [390, "CCT MMT"],
  [420, "G CXT DAVT HOVT ICT KRAT NOVST OMSST THA WIB"],
  [480, "H ACT AWST BDT BNT CAST HKT IRKT KRAST MYT PHT SGT ULAT WITA WST"],
  [540, "I AWDT IRKST JST KST PWT TLT WDT WIT YAKT"],
  [570, "ACST"],
  [600, "K AEST ChST PGT VLAT YAKST YAPT"],
  [630, "ACDT LHST"],
  [660, "L AEDT LHDT MAGT NCT PONT SBT VLAST VUT"],
  [690, "NFT"],
  [720, "M ANAST ANAT FJT GILT MAGST MHT NZST PETST PETT TVT WFT"],
  [780, "FJST NZDT"],
];

const MINUTES = new Map(
  ABBREVIATIONS.flatMap(([minutes, names]) => names.split(" ").map((name): [string, number] => [name, minutes])),
);

/**
 * Minutes east of UTC of `UTC`, `CET`, `+0200`, `UTC+02:00`; `null` for a zone that is not known.
 * @example zoneMinutes("CET") // 60
 */
export function zoneMinutes(zone: string): number | null {
  const match = /^([A-Z](?:[A-Z]{2,4})?)?(?:([+-])([01]\d)(?::?(\d{2}))?)?$/.exec(zone);
  if (match === null) return null;
  const [, name, sign, hours, minutes] = match;
  const base = name === undefined ? 0 : MINUTES.get(name);
  if (base === undefined) return null;
  const offset = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return sign === "-" ? base - offset : base + offset;
}
