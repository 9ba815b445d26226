import { stem, type Language } from "../languages";

/**
 * Words that people ask with beside words that documents say it with, from the everyday language of companies. One
 * line, one meaning; a word may stand in several. Not synonyms in general: near enough to count as evidence.
 */
const meanings: Partial<Record<Language, string>> = {
  en: `
    old age aged
    meet meets met
    build builds built
    pay paid
    hold held
    keep kept
    lose lost
    sell sold
    teach taught
    find found
    give gave given
    take took taken
    fly flew flown
    drive drove driven
    write wrote written
    choose chose chosen
    break broke broken
    speak spoke spoken
    wear wore worn
    leave left
    send sent
    bring brought
    buy bought
    catch caught
    fall fell fallen
    grow grew grown
    know knew known
    run ran
    see saw seen
    show shown
    stand stood
    steal stole stolen
    win won
    lend lent
    spend spent
    feed fed
    lead led
    sink sank sunk
    freeze froze frozen
    rise rose risen
    draw drew drawn
    sew sewn
    come came
    coordinates latitude longitude position
    weight wt
    die died fatal fatally
    cost costs price priced fee charge charged expensive cheap amount
    cost costs price pay pays paid fee admission ticket fare
    pay paid payment payable reimburse reimbursed reimbursement refund refunded compensate compensated compensation settle settled cover covered
    allow allowed permit permitted permission authorized authorised tolerated possible okay ok
    forbid forbidden prohibit prohibited ban banned disallow disallowed blocked
    mandatory required requires require obligatory compulsory necessary needed need needs demanded
    keep kept retain retained retention store stored storage preserve hold
    delete deleted erase erased erasure remove removed destroy destroyed wipe wiped
    large big size maximum largest biggest greatest
    maximum max most limit limited highest upper exceed
    minimum min least lowest
    e-mail email mail message messages
    phone telephone call hotline extension
    begin began begins start starts started commence effect force valid
    finish finished complete completed completion
    end ends ended finish expire expires expired expiry terminate stop stops over close closes closed
    depart departed departure leave left originate originated origin takeoff
    arrive arrived arrival destination destined bound route
    crash crashed accident collide collided collision impact impacted hit struck strike contacted wreck happen happened occur occurred
    die died dead death deaths killed fatal fatally fatalities casualties lives
    injured hurt injury injuries wounded harmed
    airplane aircraft plane aeroplane jet
    pilot flier aviator captain
    own owns owned owner belongs proprietor
    operate operated operates operator run runs
    make makes made manufacture manufactured manufacturer maker build built produced producer
    make model type kind brand sort category
    cause caused causes reason why factor factors contributed
    weight heavy weigh weighs mass
    length long
    loud noise noisy decibel decibels
    come came brought originate source
    cease ceased switched turned
    turn turns turned switch switches switched
    last lasts lasting take takes run runs duration
    capacity hold holds volume contain contains
    supply supplies supplied supplier deliver provide provides offer
    smoke smoking rauchen
    photograph photographs photography photos picture pictures
    accessible access suitable reach
    park parking
    guide guided tour tours
    bag bags luggage baggage
    height high tall altitude elevation rises rise
    depth deep
    width wide
    speed fast quick quickly velocity
    distance far away
    temperature hot cold warm
    vacation holiday holidays leave
    sick ill illness sickness
    salary pay wage wages
    boss manager supervisor superior lead
    employee employees staff worker workers personnel everyone
    buy bought purchase purchased order ordered acquire procure
    car cars vehicle vehicles automobile
    hotel accommodation overnight night lodging
    flight flights fly flew flying flown fly
    lost lose loses missing stolen theft
    repair repaired repairs fix fixed remedy remedied restore
    broken damaged damage destroyed bent defective defect defects fault
    warranty guarantee warranted
    deadline due latest until within period
    request requested apply applied application claim submit submitted ask
    approve approved approves approval authorize authorise permission permit sign-off decide decides
    agree agreement agreed consent
    law act statute regulation
    contact reach reached reachable address
    provide provided give given grant granted issue issued issues hand
    use used uses usage
    change changed changes modify modified replace replaced replacement
    responsible charge jurisdiction control controller accountable duty
    meeting conference
    password passcode pin credential
    laptop laptops notebook notebooks computer computers pc device devices
    backup backups backed
    meal meals food lunch dinner breakfast eat
    train trains rail railway
    drink drinks alcohol beer wine
    fire burned burnt burning blaze
    weather meteorological wind clouds
    login log sign-in
    wear worn wearing wears
    check checked checks inspect inspected inspection inspections examine examined examination test tested
    notify notified inform informed report reported announce announced tell
    send sent deliver delivered delivery ship shipped shipment transfer transferred
    receive receives received recipient get gets
    trip trips travel travels journey tour
    wedding marriage marry married
    child children kid kids baby
    doctor physician medical
    certificate certification certified note licence license
    name named called title
    location located situated place site
    date day
    home house remote remotely
    internet network online
    share shared sharing
    discount rebate reduction reduced deduction
    fine fines penalty penalties punishment
    customer customers client clients
    supplier suppliers vendor vendors
    invoice invoices bill bills
    language languages
    quantity amount volume
    rule rules policy policies regulation guideline
    lock locked blocked disabled
    land landed landing landings touchdown touched
    climb climbed ascend ascended
    total overall altogether
    before prior previous previously earlier
    happens result consequence
    discover discovered find found detect detected identify identified
    train training exercise workout
    cancel cancelled cancellation terminate terminated end notice withdraw
    bring brought come take along accompany
    participate participation attend attended attendance join joined part present
    cast made build built manufactured
    guest guests visitor visitors
    open opens opening opened
    weekend weekends saturday sunday
    hour hourly hours
    month monthly months
    year yearly annual annually years
    week weekly weeks
    day daily days
    extra additional additionally further
    new replacement replace replacing replaced
    enough sufficient
    choose select selected choice
    need require
    help support assistance
    error fault problem issue failure
    explain describe
    size large capacity
    rate charge charged fee
    eat food
    swim swimming pool
    teach teaches teacher instructor trainer
    rent hire hired lease rental
    sell sold sale
    win won winner
    earn income salary
    study student studies
    job position work employment
    office offices bureau
    town city village
    street road
    shop store
    photo picture
    free kostenlos gratis
    increase increased rise rises raised
    decrease decreased fall falls reduced lower
    allow permit
    protect protected protection
    begin start open`,
  de: `
    auto autos pkw fahrzeug fahrzeuge wagen
    erstatten erstattet erstattung ersetzen ersetzt ersatz zahlen zahlt gezahlt bezahlt bezahlen auszahlung vergütet übernommen übernimmt kosten kostet teuer preis betrag hoch höhe
    genehmigen genehmigt genehmigung erlauben erlaubt zulässig dürfen darf gestattet
    verboten untersagt unzulässig
    aufbewahren aufzubewahren aufbewahrt aufbewahrung speichern gespeichert
    einreichen einzureichen eingereicht abgeben stellen gestellt beantragen beantragt antrag
    gelten gilt kraft gültig beginnt
    frist spätestens innerhalb bis
    chef vorgesetzter führungskraft leitung leiten leitet leiter leiterin
    mitarbeiter mitarbeitende beschäftigte angestellte
    übernachtung hotel unterkunft
    bahn zug bahnfahrt bahnfahrten
    flug flüge fliegen
    essen verpflegung mahlzeit mahlzeiten
    urlaub ferien urlaubstage
    krank krankheit arbeitsunfähigkeit
    müssen muss notwendig erforderlich pflicht
    beleg belege quittung quittungen rechnung
    ändern geändert änderung
    alt alter
    lang länge dauer dauert
    kosten kostet kostenlos preis gebühr bezuschusst zuschuss zahlt
    anmelden anmeldung anmeldungen
    stattfinden findet statt termin
    wo ort
    prüfen geprüft prüfung
    abholen abgeholt
    rauchen raucher
    verboten erlaubt gestattet
    neu ersatz
    parken stellplatz stellplätze parkplatz`,
};

const meaningsOf = new Map<string, number[]>();
let meaning = 0;
for (const [language, lines] of Object.entries(meanings) as [Language, string][])
  for (const line of lines.trim().split("\n")) {
    meaning++;
    for (const word of new Set(
      line
        .trim()
        .split(/\s+/)
        .map((each) => stem(language, each.replace("-", ""))),
    ))
      meaningsOf.set(word, [...(meaningsOf.get(word) ?? []), meaning]);
  }

/** Whether the two terms (stems) may stand for one another. */
export function meansAlike(a: string, b: string): boolean {
  const ofA = meaningsOf.get(a);
  const ofB = meaningsOf.get(b);
  return ofA !== undefined && ofB !== undefined && ofA.some((each) => ofB.includes(each));
}

/** The meanings of a term, as numbers: two terms with one in common are alike. */
export const meaningNumbers = (term: string): readonly number[] => meaningsOf.get(term) ?? [];
