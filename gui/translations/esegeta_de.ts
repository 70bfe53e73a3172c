<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context>
    <name></name>
    <message>
        <source>Space</source>
        <translation>Leertaste</translation>
    </message>
    <message>
        <source>Tick or untick the selected method or layer</source>
        <translation>Die gewählte Methode oder den Layer an- oder abhaken</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Entf</translation>
    </message>
    <message>
        <source>Remove the selected entry of a list</source>
        <translation>Den gewählten Eintrag einer Liste entfernen</translation>
    </message>
    <message>
        <source>Change the number in a field; turn the slices of a preview</source>
        <translation>Die Zahl in einem Feld ändern; in einer Vorschau blättern</translation>
    </message>
    <message>
        <source>Return</source>
        <translation>Eingabe</translation>
    </message>
    <message>
        <source>Monitor: show the map of the selected job, or why there is none</source>
        <translation>Monitor: die Karte des gewählten Jobs zeigen, oder warum es keine gibt</translation>
    </message>
    <message>
        <source>Escape</source>
        <translation>Esc</translation>
    </message>
    <message>
        <source>Monitor: select no job, show the log of the run; empty the filter</source>
        <translation>Monitor: keinen Job wählen, das Protokoll des Laufs zeigen; den Filter leeren</translation>
    </message>
    <message>
        <source>Monitor: filter the jobs</source>
        <translation>Monitor: die Jobs filtern</translation>
    </message>
    <message>
        <source>Monitor: close the run, which goes on</source>
        <translation>Monitor: den Lauf schließen; er läuft weiter</translation>
    </message>
    <message>
        <source>Tab, Shift+Tab</source>
        <translation>Tab, Umschalt+Tab</translation>
    </message>
    <message>
        <source>Go to the next or the previous field</source>
        <translation>Zum nächsten oder vorigen Feld gehen</translation>
    </message>
    <message>
        <source>Shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>Tasten</translation>
    </message>
    <message>
        <source>What they do</source>
        <translation>Was sie tun</translation>
    </message>
    <message>
        <source>The wizard has a fault: %s</source>
        <translation>Der Assistent hat einen Fehler: %s</translation>
    </message>
    <message>
        <source>Close the message</source>
        <translation>Meldung schließen</translation>
    </message>
    <message>
        <source>needed</source>
        <translation>nötig</translation>
    </message>
    <message>
        <source>Pick a file</source>
        <translation>Datei wählen</translation>
    </message>
    <message>
        <source>%s (default)</source>
        <translation>%s (Vorgabe)</translation>
    </message>
    <message>
        <source>Unsaved changes</source>
        <translation>Ungesicherte Änderungen</translation>
    </message>
    <message>
        <source>%s has unsaved changes.</source>
        <translation>%s hat ungesicherte Änderungen.</translation>
    </message>
    <message>
        <source>Open a config</source>
        <translation>Konfiguration öffnen</translation>
    </message>
    <message>
        <source>Configs (*.json);;All (*)</source>
        <translation>Konfigurationen (*.json);;Alle (*)</translation>
    </message>
    <message>
        <source>Open a run</source>
        <translation>Lauf öffnen</translation>
    </message>
    <message>
        <source>%s holds no run</source>
        <translation>%s enthält keinen Lauf</translation>
    </message>
    <message>
        <source>Save the config</source>
        <translation>Konfiguration sichern</translation>
    </message>
    <message>
        <source>Configs (*.json)</source>
        <translation>Konfigurationen (*.json)</translation>
    </message>
    <message>
        <source>%s cannot be written</source>
        <translation>%s lässt sich nicht schreiben</translation>
    </message>
    <message>
        <source>Reset %s</source>
        <translation>%s zurücksetzen</translation>
    </message>
    <message>
        <source>Back to the default</source>
        <translation>Zurück zur Vorgabe</translation>
    </message>
    <message>
        <source>the helper process crashed</source>
        <translation>der Hilfsprozess ist abgestürzt</translation>
    </message>
    <message>
        <source>%s cannot be started</source>
        <translation>%s lässt sich nicht starten</translation>
    </message>
    <message>
        <source>it ended with exit code %d</source>
        <translation>beendet mit Exit-Code %d</translation>
    </message>
    <message>
        <source>the helper process ended (exit code %d)</source>
        <translation>der Hilfsprozess hat sich beendet (Exit-Code %d)</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>&amp;Bearbeiten</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>&amp;Rückgängig</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>&amp;Wiederholen</translation>
    </message>
    <message>
        <source>Go to the first &amp;problem</source>
        <translation>Zum ersten &amp;Problem gehen</translation>
    </message>
    <message>
        <source>&amp;Go</source>
        <translation>&amp;Gehe zu</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <source>&amp;Shortcuts</source>
        <translation>&amp;Tastenkürzel</translation>
    </message>
    <message>
        <source>&amp;New config</source>
        <translation>&amp;Neue Konfiguration</translation>
    </message>
    <message>
        <source>&amp;Open…</source>
        <translation>Ö&amp;ffnen…</translation>
    </message>
    <message>
        <source>Open a &amp;run…</source>
        <translation>&amp;Lauf öffnen…</translation>
    </message>
    <message>
        <source>Re&amp;cent</source>
        <translation>&amp;Zuletzt geöffnet</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>&amp;Sichern</translation>
    </message>
    <message>
        <source>Save &amp;as…</source>
        <translation>Sichern &amp;unter…</translation>
    </message>
    <message>
        <source>R&amp;un</source>
        <translation>L&amp;aufen lassen</translation>
    </message>
    <message>
        <source>Reload &amp;plug-ins</source>
        <translation>&amp;Plug-ins neu laden</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>None yet</source>
        <translation>Noch keine</translation>
    </message>
    <message>
        <source>&amp;Next step</source>
        <translation>&amp;Nächster Schritt</translation>
    </message>
    <message>
        <source>&amp;Previous step</source>
        <translation>&amp;Voriger Schritt</translation>
    </message>
    <message>
        <source>As the &amp;system</source>
        <translation>Wie das &amp;System</translation>
    </message>
    <message>
        <source>&amp;Light</source>
        <translation>&amp;Hell</translation>
    </message>
    <message>
        <source>&amp;Dark</source>
        <translation>&amp;Dunkel</translation>
    </message>
    <message>
        <source>Lan&amp;guage</source>
        <translation>S&amp;prache</translation>
    </message>
    <message>
        <source>Attribution</source>
        <translation>Attribution</translation>
    </message>
    <message>
        <source>Layer attribution</source>
        <translation>Layer-Attribution</translation>
    </message>
    <message>
        <source>Explainability</source>
        <translation>Erklärbarkeit</translation>
    </message>
    <message>
        <source>layer</source>
        <translation>Layer</translation>
    </message>
    <message>
        <source>training</source>
        <translation>Training</translation>
    </message>
    <message>
        <source>gradients</source>
        <translation>Gradienten</translation>
    </message>
    <message>
        <source>by its parameters</source>
        <translation>je nach Parametern</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keine</translation>
    </message>
    <message>
        <source>%s (shared)</source>
        <translation>%s (geteilt)</translation>
    </message>
    <message>
        <source>Valid: %s</source>
        <translation>Gültig: %s</translation>
    </message>
    <message>
        <source>Default: %s</source>
        <translation>Vorgabe: %s</translation>
    </message>
    <message>
        <source> or </source>
        <translation> oder </translation>
    </message>
    <message>
        <source> and </source>
        <translation> und </translation>
    </message>
    <message>
        <source>list of %s</source>
        <translation>Liste von %s</translation>
    </message>
    <message>
        <source>list</source>
        <translation>Liste</translation>
    </message>
    <message>
        <source>true or false</source>
        <translation>wahr oder falsch</translation>
    </message>
    <message>
        <source>whole number</source>
        <translation>ganze Zahl</translation>
    </message>
    <message>
        <source>number</source>
        <translation>Zahl</translation>
    </message>
    <message>
        <source>text</source>
        <translation>Text</translation>
    </message>
    <message>
        <source>new image</source>
        <translation>neues Bild</translation>
    </message>
    <message>
        <source>%s holds no image</source>
        <translation>%s enthält kein Bild</translation>
    </message>
    <message>
        <source>%d were there already</source>
        <translation>%d waren schon da</translation>
    </message>
    <message>
        <source>serves %s only</source>
        <translation>nur für %s</translation>
    </message>
    <message>
        <source>serves %s images only</source>
        <translation>nur für %s-Bilder</translation>
    </message>
    <message>
        <source>new model</source>
        <translation>neues Modell</translation>
    </message>
    <message>
        <source>like %s</source>
        <translation>wie %s</translation>
    </message>
    <message>
        <source>%s jobs in %s groups</source>
        <translation>%s Jobs in %s Gruppen</translation>
    </message>
    <message>
        <source>%s forward, %s backward passes</source>
        <translation>%s Durchläufe vorwärts, %s rückwärts</translation>
    </message>
    <message>
        <source>at most about %s</source>
        <translation>höchstens etwa %s</translation>
    </message>
    <message>
        <source>about %s</source>
        <translation>etwa %s</translation>
    </message>
    <message>
        <source> with %d workers</source>
        <translation> mit %d Workern</translation>
    </message>
    <message>
        <source>%s of memory per worker</source>
        <translation>%s Speicher je Worker</translation>
    </message>
    <message>
        <source>%s only</source>
        <translation>nur %s</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>Alle Modelle</translation>
    </message>
    <message>
        <source>model %d</source>
        <translation>Modell %d</translation>
    </message>
    <message>
        <source>by the task</source>
        <translation>je nach Aufgabe</translation>
    </message>
    <message>
        <source>Monitor</source>
        <translation>Monitor</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Nothing has been logged.</source>
        <translation>Nichts wurde protokolliert.</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
    <message>
        <source>&amp;Log</source>
        <translation>&amp;Protokoll</translation>
    </message>
    <message>
        <source>&amp;Details</source>
        <translation>&amp;Einzelheiten</translation>
    </message>
    <message>
        <source>Log of the run</source>
        <translation>Protokoll des Laufs</translation>
    </message>
    <message>
        <source>Progress of the run</source>
        <translation>Fortschritt des Laufs</translation>
    </message>
    <message>
        <source>&amp;Stop</source>
        <translation>&amp;Anhalten</translation>
    </message>
    <message>
        <source>End after the jobs that run now</source>
        <translation>Nach den Jobs enden, die jetzt laufen</translation>
    </message>
    <message>
        <source>Stop no&amp;w</source>
        <translation>&amp;Sofort anhalten</translation>
    </message>
    <message>
        <source>End at once; running jobs are interrupted</source>
        <translation>Sofort enden; laufende Jobs werden unterbrochen</translation>
    </message>
    <message>
        <source>Retr&amp;y failed</source>
        <translation>Fehler &amp;wiederholen</translation>
    </message>
    <message>
        <source>Make again what failed or timed out</source>
        <translation>Noch einmal rechnen, was fehlschlug oder zu lange dauerte</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>Fo&amp;rtsetzen</translation>
    </message>
    <message>
        <source>Make whatever is not done</source>
        <translation>Alles rechnen, was nicht fertig ist</translation>
    </message>
    <message>
        <source>View &amp;map</source>
        <translation>&amp;Karte ansehen</translation>
    </message>
    <message>
        <source>Look at the selected job&apos;s map (Return)</source>
        <translation>Die Karte des gewählten Jobs ansehen (Eingabe)</translation>
    </message>
    <message>
        <source>Open re&amp;port</source>
        <translation>Ber&amp;icht öffnen</translation>
    </message>
    <message>
        <source>Show the report in the browser</source>
        <translation>Den Bericht im Browser zeigen</translation>
    </message>
    <message>
        <source>&amp;Open folder</source>
        <translation>&amp;Ordner öffnen</translation>
    </message>
    <message>
        <source>Show the run folder, or the job&apos;s</source>
        <translation>Den Ordner des Laufs zeigen, oder den des Jobs</translation>
    </message>
    <message>
        <source>the run could not be started: the system starts no further process</source>
        <translation>der Lauf ließ sich nicht starten: Das System startet keinen weiteren Prozess</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>Läufe</translation>
    </message>
    <message>
        <source>Open a run…</source>
        <translation>Lauf öffnen…</translation>
    </message>
    <message>
        <source>No run is open. Start one on the Run page, or open its folder.</source>
        <translation>Kein Lauf ist offen. Starten Sie einen auf der Seite Lauf, oder öffnen Sie seinen Ordner.</translation>
    </message>
    <message>
        <source>&amp;Open a run…</source>
        <translation>Lauf &amp;öffnen…</translation>
    </message>
    <message>
        <source>Filter: method, image, reason… (Ctrl+F)</source>
        <translation>Filter: Methode, Bild, Grund… (Strg+F)</translation>
    </message>
    <message>
        <source>Filter the jobs by text</source>
        <translation>Jobs nach Text filtern</translation>
    </message>
    <message>
        <source>Filter the jobs by state</source>
        <translation>Jobs nach Zustand filtern</translation>
    </message>
    <message>
        <source>it said nothing</source>
        <translation>er sagte nichts</translation>
    </message>
    <message>
        <source>The run did not begin: %s</source>
        <translation>Der Lauf hat nicht begonnen: %s</translation>
    </message>
    <message>
        <source>Writing the report…</source>
        <translation>Der Bericht wird geschrieben…</translation>
    </message>
    <message>
        <source>No program opens %s; open it by hand.</source>
        <translation>Kein Programm öffnet %s; öffnen Sie es von Hand.</translation>
    </message>
    <message>
        <source>Jobs</source>
        <translation>Jobs</translation>
    </message>
    <message>
        <source>running</source>
        <translation>läuft</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <source>timed out</source>
        <translation>Zeit abgelaufen</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>unterbrochen</translation>
    </message>
    <message>
        <source>pending</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>done</source>
        <translation>fertig</translation>
    </message>
    <message>
        <source>All jobs</source>
        <translation>Alle Jobs</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Laufend</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>Interrupted</source>
        <translation>Unterbrochen</translation>
    </message>
    <message>
        <source>Pending</source>
        <translation>Wartend</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>Method</source>
        <translation>Methode</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>beginnt</translation>
    </message>
    <message>
        <source>starting…</source>
        <translation>wird gestartet…</translation>
    </message>
    <message>
        <source>killed</source>
        <translation>abgebrochen</translation>
    </message>
    <message>
        <source>stopping</source>
        <translation>hält an</translation>
    </message>
    <message>
        <source>reading…</source>
        <translation>wird gelesen…</translation>
    </message>
    <message>
        <source>no run</source>
        <translation>kein Lauf</translation>
    </message>
    <message>
        <source>damaged</source>
        <translation>beschädigt</translation>
    </message>
    <message>
        <source>not begun</source>
        <translation>nicht begonnen</translation>
    </message>
    <message>
        <source>at work</source>
        <translation>bei der Arbeit</translation>
    </message>
    <message>
        <source>ended</source>
        <translation>beendet</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>angehalten</translation>
    </message>
    <message>
        <source>%(ended)s of %(all)s jobs</source>
        <translation>%(ended)s von %(all)s Jobs</translation>
    </message>
    <message>
        <source>%s failed</source>
        <translation>%s fehlgeschlagen</translation>
    </message>
    <message>
        <source>%s interrupted</source>
        <translation>%s unterbrochen</translation>
    </message>
    <message>
        <source>time left not known yet</source>
        <translation>Restzeit noch unbekannt</translation>
    </message>
    <message>
        <source>about %s left</source>
        <translation>noch etwa %s</translation>
    </message>
    <message>
        <source>The run&apos;s lock is held by %s, but there is no such process: it was killed, and this disk does not release locks. “Resume” makes what is missing.</source>
        <translation>Die Sperre des Laufs hält %s, aber diesen Prozess gibt es nicht: Er wurde abgebrochen, und dieses Laufwerk gibt Sperren nicht frei. „Fortsetzen“ holt nach, was fehlt.</translation>
    </message>
    <message>
        <source>The run&apos;s process ended without a word: it was killed from outside, or its machine went down. What was done is safe; “Resume” makes the rest.</source>
        <translation>Der Prozess des Laufs endete ohne ein Wort: Er wurde von außen abgebrochen, oder der Rechner fiel aus. Was fertig war, ist sicher; „Fortsetzen“ rechnet den Rest.</translation>
    </message>
    <message>
        <source>%s: open another folder, or run again with another output folder.</source>
        <translation>%s: Öffnen Sie einen anderen Ordner, oder rechnen Sie in einen anderen Ausgabeordner.</translation>
    </message>
    <message>
        <source>There is no run in %s: a run begins with its plan.json, which is not there.</source>
        <translation>In %s ist kein Lauf: Ein Lauf beginnt mit seiner plan.json, und die fehlt.</translation>
    </message>
    <message>
        <source>The run was ended early: %s. “Resume” makes the rest.</source>
        <translation>Der Lauf wurde vorzeitig beendet: %s. „Fortsetzen“ rechnet den Rest.</translation>
    </message>
    <message>
        <source>The run was asked to stop now; its workers are being ended.</source>
        <translation>Der Lauf soll sofort anhalten; seine Worker werden beendet.</translation>
    </message>
    <message>
        <source>The run was asked to stop: running jobs end first. “Stop now” does not wait.</source>
        <translation>Der Lauf soll anhalten: Laufende Jobs enden zuerst. „Sofort anhalten“ wartet nicht.</translation>
    </message>
    <message>
        <source>It was running when the run ended. “Resume” makes it.</source>
        <translation>Er lief, als der Lauf endete. „Fortsetzen“ holt ihn nach.</translation>
    </message>
    <message>
        <source>Give it more time (“timeout” on the Run page), or fewer passes (its parameters); where it hangs, the end of its log says in which line. Then “Retry failed”.</source>
        <translation>Geben Sie ihm mehr Zeit („timeout“ auf der Seite Lauf) oder weniger Durchläufe (seine Parameter); wo er hängt, sagt das Ende seines Protokolls. Dann „Fehler wiederholen“.</translation>
    </message>
    <message>
        <source>It took more memory than there was: lower the number of jobs per device or its batch, or cut the image into patches. Then “Retry failed”.</source>
        <translation>Er brauchte mehr Speicher, als da war: weniger Jobs je Gerät, ein kleinerer Batch, oder das Bild in Patches teilen. Dann „Fehler wiederholen“.</translation>
    </message>
    <message>
        <source>Its process died, and only this job with it; the end of its log may say why. “Retry failed” tries it again.</source>
        <translation>Sein Prozess starb, und nur dieser Job mit ihm; das Ende seines Protokolls sagt vielleicht, warum. „Fehler wiederholen“ versucht es noch einmal.</translation>
    </message>
    <message>
        <source>The error comes from the method, or from the model in it; “Details” shows where. Mend it, then “Retry failed”.</source>
        <translation>Der Fehler kommt aus der Methode oder aus dem Modell darin; „Einzelheiten“ zeigt, wo. Beheben Sie ihn, dann „Fehler wiederholen“.</translation>
    </message>
    <message>
        <source>Mend in the config what the message names and run it again, or “Retry failed”.</source>
        <translation>Beheben Sie in der Konfiguration, was die Meldung nennt, und rechnen Sie noch einmal, oder „Fehler wiederholen“.</translation>
    </message>
    <message>
        <source>Job</source>
        <translation>Job</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>Wo</translation>
    </message>
    <message>
        <source>Last heard of</source>
        <translation>Zuletzt gehört</translation>
    </message>
    <message>
        <source>%s ago</source>
        <translation>vor %s</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <source>Traceback</source>
        <translation>Traceback</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>Parameter</translation>
    </message>
    <message>
        <source>Checks</source>
        <translation>Prüfungen</translation>
    </message>
    <message>
        <source>Passes</source>
        <translation>Durchläufe</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>Genauigkeit</translation>
    </message>
    <message>
        <source>Range</source>
        <translation>Bereich</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Anmerkungen</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Seed</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>Drop files or folders here: NIfTI, DICOM folders, pictures, npy, npz.</source>
        <translation>Ziehen Sie Dateien oder Ordner hierher: NIfTI, DICOM-Ordner, Bilder, npy, npz.</translation>
    </message>
    <message>
        <source>Folder…</source>
        <translation>Ordner…</translation>
    </message>
    <message>
        <source>Add the images of a folder</source>
        <translation>Die Bilder eines Ordners hinzufügen</translation>
    </message>
    <message>
        <source>Preprocessing</source>
        <translation>Vorverarbeitung</translation>
    </message>
    <message>
        <source>&amp;Preview</source>
        <translation>&amp;Vorschau</translation>
    </message>
    <message>
        <source>Read the image and draw it</source>
        <translation>Das Bild lesen und zeichnen</translation>
    </message>
    <message>
        <source>The preview is of an older state.</source>
        <translation>Die Vorschau zeigt einen älteren Stand.</translation>
    </message>
    <message>
        <source>Add images</source>
        <translation>Bilder hinzufügen</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Ordner hinzufügen</translation>
    </message>
    <message>
        <source>Reading the image…</source>
        <translation>Das Bild wird gelesen…</translation>
    </message>
    <message>
        <source>As in the file</source>
        <translation>Wie in der Datei</translation>
    </message>
    <message>
        <source>Preprocessing failed: %s</source>
        <translation>Die Vorverarbeitung ist fehlgeschlagen: %s</translation>
    </message>
    <message>
        <source>As a model sees it</source>
        <translation>Wie ein Modell es sieht</translation>
    </message>
    <message>
        <source>%d channels</source>
        <translation>%d Kanäle</translation>
    </message>
    <message>
        <source>%d values are no numbers</source>
        <translation>%d Werte sind keine Zahlen</translation>
    </message>
    <message>
        <source>auto, a name, or a pattern such as decoder.*</source>
        <translation>auto, ein Name oder ein Muster wie decoder.*</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>Layer</translation>
    </message>
    <message>
        <source>Names or patterns, with commas between; “auto” is the last with a grid</source>
        <translation>Namen oder Muster, mit Kommas dazwischen; „auto“ ist der letzte mit einem Gitter</translation>
    </message>
    <message>
        <source>Layers of the model</source>
        <translation>Layer des Modells</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Layer</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>Ausgabe</translation>
    </message>
    <message>
        <source>Map&apos;s grid</source>
        <translation>Gitter der Karte</translation>
    </message>
    <message>
        <source>Check the model on the first page to pick from its layers here.</source>
        <translation>Prüfen Sie das Modell auf der ersten Seite, um hier aus seinen Layern zu wählen.</translation>
    </message>
    <message>
        <source>Methods</source>
        <translation>Methoden</translation>
    </message>
    <message>
        <source>Tick what is to be made. Each method&apos;s parameters come on the next page.</source>
        <translation>Haken Sie an, was gerechnet werden soll. Die Parameter kommen auf der nächsten Seite.</translation>
    </message>
    <message>
        <source>Search: a name, a library, a paper, “layer”…</source>
        <translation>Suche: Name, Bibliothek, Veröffentlichung, „Layer“…</translation>
    </message>
    <message>
        <source>Search methods</source>
        <translation>Methoden suchen</translation>
    </message>
    <message>
        <source>&amp;Quick look</source>
        <translation>&amp;Schneller Blick</translation>
    </message>
    <message>
        <source>Four methods that share a pass</source>
        <translation>Vier Methoden, die sich einen Durchlauf teilen</translation>
    </message>
    <message>
        <source>&amp;Thorough</source>
        <translation>G&amp;ründlich</translation>
    </message>
    <message>
        <source>Also paths, occlusion and random masks</source>
        <translation>Auch Pfade, Verdeckung und Zufallsmasken</translation>
    </message>
    <message>
        <source>N&amp;one</source>
        <translation>&amp;Keine</translation>
    </message>
    <message>
        <source>Take all methods away</source>
        <translation>Alle Methoden wegnehmen</translation>
    </message>
    <message>
        <source>T&amp;ime</source>
        <translation>Ze&amp;it</translation>
    </message>
    <message>
        <source>Time a pass of each model, and tell how long methods take</source>
        <translation>Einen Durchlauf jedes Modells messen und sagen, wie lange Methoden brauchen</translation>
    </message>
    <message>
        <source>What it shows</source>
        <translation>Was sie zeigt</translation>
    </message>
    <message>
        <source>Needs</source>
        <translation>Braucht</translation>
    </message>
    <message>
        <source>Images passed forward (F) and backward (B), with default parameters</source>
        <translation>Bilder vorwärts (F) und rückwärts (B), mit den Vorgaben der Parameter</translation>
    </message>
    <message>
        <source>About the method</source>
        <translation>Über die Methode</translation>
    </message>
    <message>
        <source>%d chosen</source>
        <translation>%d gewählt</translation>
    </message>
    <message>
        <source>%s; unknown: %s</source>
        <translation>%s; unbekannt: %s</translation>
    </message>
    <message>
        <source>Reading the plug-ins…</source>
        <translation>Plug-ins werden gelesen…</translation>
    </message>
    <message>
        <source>Select a method to read what it does.</source>
        <translation>Wählen Sie eine Methode, um zu lesen, was sie tut.</translation>
    </message>
    <message>
        <source>Your network: a Python file and the class in it, or one saved whole.</source>
        <translation>Ihr Netz: eine Python-Datei und die Klasse darin, oder ein im Ganzen gespeichertes.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Patches, where its targets have none</source>
        <translation>Patches, wo seine Ziele keine haben</translation>
    </message>
    <message>
        <source>No model yet. Press + below the list, or drop a file here.</source>
        <translation>Noch kein Modell. Drücken Sie + unter der Liste, oder ziehen Sie eine Datei hierher.</translation>
    </message>
    <message>
        <source>model.py, a package, or a saved network (.pt, .pt2)</source>
        <translation>model.py, ein Paket oder ein gespeichertes Netz (.pt, .pt2)</translation>
    </message>
    <message>
        <source>File or package of the network</source>
        <translation>Datei oder Paket des Netzes</translation>
    </message>
    <message>
        <source>Class or function</source>
        <translation>Klasse oder Funktion</translation>
    </message>
    <message>
        <source>the class in it, or a function</source>
        <translation>die Klasse darin, oder eine Funktion</translation>
    </message>
    <message>
        <source>F&amp;ile</source>
        <translation>Dat&amp;ei</translation>
    </message>
    <message>
        <source>C&amp;lass</source>
        <translation>&amp;Klasse</translation>
    </message>
    <message>
        <source>&amp;Check</source>
        <translation>&amp;Prüfen</translation>
    </message>
    <message>
        <source>Load the network in a process of its own</source>
        <translation>Das Netz in einem eigenen Prozess laden</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>A check shows parameters, layers and shapes.</source>
        <translation>Eine Prüfung zeigt Parameter, Layer und Formen.</translation>
    </message>
    <message>
        <source>Arguments of %s</source>
        <translation>Argumente von %s</translation>
    </message>
    <message>
        <source>Also set for this model, see the next pages: %s</source>
        <translation>Für dieses Modell auch gesetzt, siehe die nächsten Seiten: %s</translation>
    </message>
    <message>
        <source>Pick a network</source>
        <translation>Netz wählen</translation>
    </message>
    <message>
        <source>Networks (*.py *.pt *.pt2 *.ts);;All (*)</source>
        <translation>Netze (*.py *.pt *.pt2 *.ts);;Alle (*)</translation>
    </message>
    <message>
        <source>Loading the network…</source>
        <translation>Das Netz wird geladen…</translation>
    </message>
    <message>
        <source>%s parameters</source>
        <translation>%s Parameter</translation>
    </message>
    <message>
        <source>input channels: %d</source>
        <translation>Eingangskanäle: %d</translation>
    </message>
    <message>
        <source>Shapes need an image: add one on the next page, then check again.</source>
        <translation>Formen brauchen ein Bild: Fügen Sie auf der nächsten Seite eines hinzu, dann prüfen Sie noch einmal.</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <source>Remove (Delete)</source>
        <translation>Entfernen (Entf)</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopie</translation>
    </message>
    <message>
        <source>Use it once more, under another name</source>
        <translation>Noch einmal verwenden, unter anderem Namen</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>Hinauf</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>Hinunter</translation>
    </message>
    <message>
        <source>Each use of a method, with its parameters. Empty fields have the default.</source>
        <translation>Jede Verwendung einer Methode mit ihren Parametern. Leere Felder haben die Vorgabe.</translation>
    </message>
    <message>
        <source>Methods of this config</source>
        <translation>Methoden dieser Konfiguration</translation>
    </message>
    <message>
        <source>This use of it</source>
        <translation>Diese Verwendung</translation>
    </message>
    <message>
        <source>Own &amp;target…</source>
        <translation>Eigenes Zie&amp;l…</translation>
    </message>
    <message>
        <source>Explain another class, or another part of it, by this use alone</source>
        <translation>Nur mit dieser Verwendung eine andere Klasse oder einen anderen Teil erklären</translation>
    </message>
    <message>
        <source>As &amp;others</source>
        <translation>Wie die a&amp;nderen</translation>
    </message>
    <message>
        <source>Explain what all methods do</source>
        <translation>Erklären, was alle Methoden erklären</translation>
    </message>
    <message>
        <source>Edit its own &amp;target…</source>
        <translation>Sein eigenes Zie&amp;l bearbeiten…</translation>
    </message>
    <message>
        <source>This method has no parameters.</source>
        <translation>Diese Methode hat keine Parameter.</translation>
    </message>
    <message>
        <source>There is no such method; its parameters stay as they are.</source>
        <translation>Eine solche Methode gibt es nicht; ihre Parameter bleiben, wie sie sind.</translation>
    </message>
    <message>
        <source>&amp;Predict</source>
        <translation>&amp;Vorhersagen</translation>
    </message>
    <message>
        <source>Let the model see the image</source>
        <translation>Das Modell das Bild sehen lassen</translation>
    </message>
    <message>
        <source>A prediction shows the class, its score, and the mask over the image.</source>
        <translation>Eine Vorhersage zeigt die Klasse, ihren Score und die Maske über dem Bild.</translation>
    </message>
    <message>
        <source>Scores</source>
        <translation>Scores</translation>
    </message>
    <message>
        <source>Class</source>
        <translation>Klasse</translation>
    </message>
    <message>
        <source>Score</source>
        <translation>Score</translation>
    </message>
    <message>
        <source>Enter or a double click takes a class as the target</source>
        <translation>Enter oder ein Doppelklick nimmt eine Klasse als Ziel</translation>
    </message>
    <message>
        <source>Loading the model and the image…</source>
        <translation>Modell und Bild werden geladen…</translation>
    </message>
    <message>
        <source>Explained: %s, score %s</source>
        <translation>Erklärt: %s, Score %s</translation>
    </message>
    <message>
        <source>mask of %s voxels</source>
        <translation>Maske von %s Voxeln</translation>
    </message>
    <message>
        <source>%d more classes</source>
        <translation>%d weitere Klassen</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Lauf</translation>
    </message>
    <message>
        <source>Where and how it runs, what it takes, and the config.</source>
        <translation>Wo und wie gerechnet wird, was es braucht, und die Konfiguration.</translation>
    </message>
    <message>
        <source>Execution</source>
        <translation>Ausführung</translation>
    </message>
    <message>
        <source>The config as JSON</source>
        <translation>Die Konfiguration als JSON</translation>
    </message>
    <message>
        <source>JSON</source>
        <translation>JSON</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>Plan</translation>
    </message>
    <message>
        <source>&amp;Estimate</source>
        <translation>&amp;Schätzen</translation>
    </message>
    <message>
        <source>Time one pass of each model on each image</source>
        <translation>Einen Durchlauf jedes Modells auf jedem Bild messen</translation>
    </message>
    <message>
        <source>Problem</source>
        <translation>Problem</translation>
    </message>
    <message>
        <source>&amp;Keep what is done there</source>
        <translation>Fertiges dort &amp;behalten</translation>
    </message>
    <message>
        <source>Makes only what is missing or has changed (--resume)</source>
        <translation>Rechnet nur, was fehlt oder sich geändert hat (--resume)</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>Lau&amp;fen lassen</translation>
    </message>
    <message>
        <source>Ctrl+R; it goes on when this window is closed</source>
        <translation>Strg+R; es läuft weiter, wenn dieses Fenster geschlossen wird</translation>
    </message>
    <message>
        <source>runs/%s, beside the config</source>
        <translation>runs/%s, neben der Konfiguration</translation>
    </message>
    <message>
        <source>Results go to %s</source>
        <translation>Ergebnisse kommen nach %s</translation>
    </message>
    <message>
        <source>Save and &amp;run</source>
        <translation>Sichern und lau&amp;fen lassen</translation>
    </message>
    <message>
        <source>To be mended first: %d</source>
        <translation>Zuerst zu beheben: %d</translation>
    </message>
    <message>
        <source>This estimate is of an older state.</source>
        <translation>Diese Schätzung ist von einem älteren Stand.</translation>
    </message>
    <message>
        <source>Loading each model and timing a pass…</source>
        <translation>Jedes Modell wird geladen und ein Durchlauf gemessen…</translation>
    </message>
    <message>
        <source>Level</source>
        <translation>Mitte</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <source>Plane %d</source>
        <translation>Ebene %d</translation>
    </message>
    <message>
        <source>Click to go there; the wheel or ↑ ↓ turn the slices</source>
        <translation>Klick führt dorthin; das Mausrad oder ↑ ↓ blättert</translation>
    </message>
    <message>
        <source>What these steps are for</source>
        <translation>Wofür diese Schritte gelten</translation>
    </message>
    <message>
        <source>Steps of its own</source>
        <translation>Eigene Schritte</translation>
    </message>
    <message>
        <source>In place of the steps for all models</source>
        <translation>Anstelle der Schritte für alle Modelle</translation>
    </message>
    <message>
        <source>+ Step</source>
        <translation>+ Schritt</translation>
    </message>
    <message>
        <source>F&amp;or</source>
        <translation>F&amp;ür</translation>
    </message>
    <message>
        <source>These models have preprocessing of their own instead: %s</source>
        <translation>Diese Modelle haben stattdessen eine eigene Vorverarbeitung: %s</translation>
    </message>
    <message>
        <source>It has the steps for all models.</source>
        <translation>Es hat die Schritte für alle Modelle.</translation>
    </message>
    <message>
        <source>The class to explain, and how the model&apos;s output becomes one number.</source>
        <translation>Die Klasse, die erklärt wird, und wie aus der Ausgabe des Modells eine Zahl wird.</translation>
    </message>
    <message>
        <source>What this target is for</source>
        <translation>Wofür dieses Ziel gilt</translation>
    </message>
    <message>
        <source>Numbers of the mask</source>
        <translation>Zahlen der Maske</translation>
    </message>
    <message>
        <source>Patches, for images larger than the model takes</source>
        <translation>Patches, für Bilder, die dem Modell zu groß sind</translation>
    </message>
    <message>
        <source>&amp;Class</source>
        <translation>&amp;Klasse</translation>
    </message>
    <message>
        <source>&amp;Wrapper</source>
        <translation>Wra&amp;pper</translation>
    </message>
    <message>
        <source>&amp;Mask</source>
        <translation>&amp;Maske</translation>
    </message>
    <message>
        <source>a number of the label map: 4</source>
        <translation>eine Zahl der Labelkarte: 4</translation>
    </message>
    <message>
        <source>a voxel: 120, 88, 40</source>
        <translation>ein Voxel: 120, 88, 40</translation>
    </message>
    <message>
        <source>a range per axis: 0 to 9, 4 to 20, 7 to 8</source>
        <translation>ein Bereich je Achse: 0 to 9, 4 to 20, 7 to 8</translation>
    </message>
    <message>
        <source>Set differently for some models, see “For”: %s</source>
        <translation>Für einige Modelle anders gesetzt, siehe „Für“: %s</translation>
    </message>
    <message>
        <source>The plug-ins cannot be read: %s</source>
        <translation>Die Plug-ins sind nicht lesbar: %s</translation>
    </message>
    <message>
        <source>Colours from %s to %s</source>
        <translation>Farben von %s bis %s</translation>
    </message>
    <message>
        <source>The map&apos;s own range: %s to %s</source>
        <translation>Der eigene Bereich der Karte: %s bis %s</translation>
    </message>
    <message>
        <source>It has not run yet. `esegeta run … --resume` makes what is missing.</source>
        <translation>Noch nicht gerechnet. `esegeta run … --resume` holt nach, was fehlt.</translation>
    </message>
    <message>
        <source>It took too long</source>
        <translation>Es hat zu lange gedauert</translation>
    </message>
    <message>
        <source>It failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>its result gives no reason; its job.log may</source>
        <translation>das Ergebnis nennt keinen Grund; vielleicht steht er in job.log</translation>
    </message>
    <message>
        <source>axial</source>
        <translation>axial</translation>
    </message>
    <message>
        <source>coronal</source>
        <translation>koronal</translation>
    </message>
    <message>
        <source>sagittal</source>
        <translation>sagittal</translation>
    </message>
    <message>
        <source>Details of the failure</source>
        <translation>Einzelheiten zum Fehler</translation>
    </message>
    <message>
        <source>here %s</source>
        <translation>hier %s</translation>
    </message>
    <message>
        <source>a sheet of its own</source>
        <translation>ein eigenes Blatt</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>Wird gelesen…</translation>
    </message>
    <message>
        <source>Reading its images…</source>
        <translation>Die Bilder werden gelesen…</translation>
    </message>
    <message>
        <source>Map</source>
        <translation>Karte</translation>
    </message>
    <message>
        <source>Sign</source>
        <translation>Vorzeichen</translation>
    </message>
    <message>
        <source>signed</source>
        <translation>mit Vorzeichen</translation>
    </message>
    <message>
        <source>magnitude</source>
        <translation>Betrag</translation>
    </message>
    <message>
        <source>only positive</source>
        <translation>nur positive</translation>
    </message>
    <message>
        <source>only negative</source>
        <translation>nur negative</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Farben</translation>
    </message>
    <message>
        <source>as in the report</source>
        <translation>wie im Bericht</translation>
    </message>
    <message>
        <source>Low end</source>
        <translation>Unteres Ende</translation>
    </message>
    <message>
        <source>High end</source>
        <translation>Oberes Ende</translation>
    </message>
    <message>
        <source>Own range</source>
        <translation>Eigener Bereich</translation>
    </message>
    <message>
        <source>The range that the report gives this map</source>
        <translation>Der Bereich, den der Bericht dieser Karte gibt</translation>
    </message>
    <message>
        <source>One range</source>
        <translation>Ein Bereich</translation>
    </message>
    <message>
        <source>All maps in the widest of their ranges, so that a colour means the same</source>
        <translation>Alle Karten im weitesten ihrer Bereiche, sodass eine Farbe dasselbe bedeutet</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwelle</translation>
    </message>
    <message>
        <source>Opacity</source>
        <translation>Deckkraft</translation>
    </message>
    <message>
        <source>E&amp;qual opacity everywhere</source>
        <translation>Überall &amp;gleiche Deckkraft</translation>
    </message>
    <message>
        <source>Else opacity grows with strength, so that weak values let the image through</source>
        <translation>Sonst wächst die Deckkraft mit der Stärke, sodass schwache Werte das Bild durchlassen</translation>
    </message>
    <message>
        <source>Cha&amp;nge all maps</source>
        <translation>Alle Karten ä&amp;ndern</translation>
    </message>
    <message>
        <source>Ends of the range are always those of one map</source>
        <translation>Die Enden des Bereichs gelten immer nur für eine Karte</translation>
    </message>
    <message>
        <source>&amp;Sign</source>
        <translation>&amp;Vorzeichen</translation>
    </message>
    <message>
        <source>C&amp;olours</source>
        <translation>&amp;Farben</translation>
    </message>
    <message>
        <source>&amp;Range</source>
        <translation>&amp;Bereich</translation>
    </message>
    <message>
        <source>&amp;Threshold</source>
        <translation>&amp;Schwelle</translation>
    </message>
    <message>
        <source>O&amp;pacity</source>
        <translation>Dec&amp;kkraft</translation>
    </message>
    <message>
        <source>Black</source>
        <translation>Schwarz</translation>
    </message>
    <message>
        <source>White</source>
        <translation>Weiß</translation>
    </message>
    <message>
        <source>Own window</source>
        <translation>Eigenes Fenster</translation>
    </message>
    <message>
        <source>Show &amp;maps over it</source>
        <translation>Karten dar&amp;über</translation>
    </message>
    <message>
        <source>&amp;Window</source>
        <translation>Fe&amp;nster</translation>
    </message>
    <message>
        <source>Planes</source>
        <translation>Ebenen</translation>
    </message>
    <message>
        <source>all three</source>
        <translation>alle drei</translation>
    </message>
    <message>
        <source>Convention</source>
        <translation>Konvention</translation>
    </message>
    <message>
        <source>radiological: R is left</source>
        <translation>radiologisch: R ist links</translation>
    </message>
    <message>
        <source>neurological: L is left</source>
        <translation>neurologisch: L ist links</translation>
    </message>
    <message>
        <source>Crossha&amp;ir</source>
        <translation>Faden&amp;kreuz</translation>
    </message>
    <message>
        <source>&amp;Difference of the first two</source>
        <translation>&amp;Differenz der ersten beiden</translation>
    </message>
    <message>
        <source>… as parts of their ranges</source>
        <translation>… in Teilen ihrer Bereiche</translation>
    </message>
    <message>
        <source>Methods have units of their own: each map is divided by the end of its range</source>
        <translation>Methoden haben eigene Einheiten: Jede Karte wird durch das Ende ihres Bereichs geteilt</translation>
    </message>
    <message>
        <source>S&amp;how</source>
        <translation>&amp;Zeigen</translation>
    </message>
    <message>
        <source>Sid&amp;es</source>
        <translation>Se&amp;iten</translation>
    </message>
    <message>
        <source>the picture cannot be written</source>
        <translation>das Bild lässt sich nicht schreiben</translation>
    </message>
    <message>
        <source>%s has no map file</source>
        <translation>%s hat keine Kartendatei</translation>
    </message>
    <message>
        <source>(limit %s)</source>
        <translation>(Grenze %s)</translation>
    </message>
    <message>
        <source>%s: flagged</source>
        <translation>%s: beanstandet</translation>
    </message>
    <message>
        <source>Wrapper</source>
        <translation>Wrapper</translation>
    </message>
    <message>
        <source>Mask</source>
        <translation>Maske</translation>
    </message>
    <message>
        <source>%s to %s</source>
        <translation>%s bis %s</translation>
    </message>
    <message>
        <source>%s forward, %s backward</source>
        <translation>%s vorwärts, %s rückwärts</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>Speicherspitze</translation>
    </message>
    <message>
        <source>Paper</source>
        <translation>Veröffentlichung</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>the affine is not finite</source>
        <translation>die affine Matrix ist nicht endlich</translation>
    </message>
    <message>
        <source>&amp;Image</source>
        <translation>&amp;Bild</translation>
    </message>
    <message>
        <source>M&amp;odel</source>
        <translation>M&amp;odell</translation>
    </message>
    <message>
        <source>Cl&amp;ass</source>
        <translation>Kl&amp;asse</translation>
    </message>
    <message>
        <source>La&amp;yer</source>
        <translation>La&amp;yer</translation>
    </message>
    <message>
        <source>Click or Enter: this one alone. Tick or Space: side by side, up to %d.</source>
        <translation>Klick oder Enter: nur diese. Haken oder Leertaste: nebeneinander, bis zu %d.</translation>
    </message>
    <message>
        <source>⚑ flagged by a check
✗ failed   … not run yet</source>
        <translation>⚑ von einer Prüfung beanstandet
✗ fehlgeschlagen   … noch nicht gerechnet</translation>
    </message>
    <message>
        <source>Six maps stand side by side; untick one first.</source>
        <translation>Sechs Karten stehen nebeneinander; erst eine abwählen.</translation>
    </message>
    <message>
        <source>In a plane</source>
        <translation>In einer Ebene</translation>
    </message>
    <message>
        <source>How it is drawn</source>
        <translation>Wie gezeichnet wird</translation>
    </message>
    <message>
        <source>What is looked at</source>
        <translation>Was angesehen wird</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>Dateien</translation>
    </message>
    <message>
        <source>Move the crosshair; with Shift by ten. Or click, or drag</source>
        <translation>Das Fadenkreuz bewegen; mit Umschalt um zehn. Oder klicken, oder ziehen</translation>
    </message>
    <message>
        <source>Next or previous slice; with Shift ten further. Or the wheel</source>
        <translation>Nächste oder vorige Schicht; mit Umschalt zehn weiter. Oder das Mausrad</translation>
    </message>
    <message>
        <source>Closer or further away. Or Ctrl and the wheel</source>
        <translation>Näher heran oder weiter weg. Oder Strg und das Mausrad</translation>
    </message>
    <message>
        <source>All of the picture. Or a double click</source>
        <translation>Das ganze Bild. Oder ein Doppelklick</translation>
    </message>
    <message>
        <source>Right button</source>
        <translation>Rechte Taste</translation>
    </message>
    <message>
        <source>Move the picture</source>
        <translation>Das Bild verschieben</translation>
    </message>
    <message>
        <source>The strongest voxel of the map</source>
        <translation>Das stärkste Voxel der Karte</translation>
    </message>
    <message>
        <source>Crosshair on or off</source>
        <translation>Fadenkreuz ein oder aus</translation>
    </message>
    <message>
        <source>Maps on or off</source>
        <translation>Karten ein oder aus</translation>
    </message>
    <message>
        <source>More opaque</source>
        <translation>Deckender</translation>
    </message>
    <message>
        <source>Less opaque</source>
        <translation>Durchsichtiger</translation>
    </message>
    <message>
        <source>Higher threshold</source>
        <translation>Höhere Schwelle</translation>
    </message>
    <message>
        <source>Lower threshold</source>
        <translation>Niedrigere Schwelle</translation>
    </message>
    <message>
        <source>Signed, magnitude, only positive, only negative</source>
        <translation>Mit Vorzeichen, Betrag, nur positive, nur negative</translation>
    </message>
    <message>
        <source>Next colours</source>
        <translation>Nächste Farben</translation>
    </message>
    <message>
        <source>The map&apos;s own range</source>
        <translation>Der eigene Bereich der Karte</translation>
    </message>
    <message>
        <source>One range for all maps</source>
        <translation>Ein Bereich für alle Karten</translation>
    </message>
    <message>
        <source>The image&apos;s own window</source>
        <translation>Das eigene Fenster des Bildes</translation>
    </message>
    <message>
        <source>Radiological or neurological side</source>
        <translation>Radiologische oder neurologische Seite</translation>
    </message>
    <message>
        <source>All three planes</source>
        <translation>Alle drei Ebenen</translation>
    </message>
    <message>
        <source>Axial</source>
        <translation>Axial</translation>
    </message>
    <message>
        <source>Coronal</source>
        <translation>Koronal</translation>
    </message>
    <message>
        <source>Sagittal</source>
        <translation>Sagittal</translation>
    </message>
    <message>
        <source>To the list of methods: Enter one alone, Space side by side</source>
        <translation>Zur Liste der Methoden: Enter eine allein, Leertaste nebeneinander</translation>
    </message>
    <message>
        <source>Next layer of the method</source>
        <translation>Nächster Layer der Methode</translation>
    </message>
    <message>
        <source>Previous layer</source>
        <translation>Voriger Layer</translation>
    </message>
    <message>
        <source>Next of the images that the method made</source>
        <translation>Das nächste der Bilder, die die Methode gemacht hat</translation>
    </message>
    <message>
        <source>Previous of these images</source>
        <translation>Das vorige dieser Bilder</translation>
    </message>
    <message>
        <source>Next image, model or class</source>
        <translation>Nächstes Bild, Modell oder nächste Klasse</translation>
    </message>
    <message>
        <source>Previous image, model or class</source>
        <translation>Voriges Bild, Modell oder vorige Klasse</translation>
    </message>
    <message>
        <source>To map %d</source>
        <translation>Zu Karte %d</translation>
    </message>
    <message>
        <source>Difference of the first two maps</source>
        <translation>Differenz der ersten beiden Karten</translation>
    </message>
    <message>
        <source>Export the view as PNG or SVG</source>
        <translation>Die Ansicht als PNG oder SVG exportieren</translation>
    </message>
    <message>
        <source>Save the map&apos;s file</source>
        <translation>Die Datei der Karte sichern</translation>
    </message>
    <message>
        <source>Read the run anew</source>
        <translation>Den Lauf neu lesen</translation>
    </message>
    <message>
        <source>This page, and back</source>
        <translation>Diese Seite, und zurück</translation>
    </message>
    <message>
        <source>the same value everywhere</source>
        <translation>überall derselbe Wert</translation>
    </message>
    <message>
        <source>no value is a number</source>
        <translation>kein Wert ist eine Zahl</translation>
    </message>
    <message>
        <source>%d values are NaN or infinite, drawn in magenta</source>
        <translation>%d Werte sind NaN oder unendlich, magenta gezeichnet</translation>
    </message>
    <message>
        <source>there is not enough memory to read it</source>
        <translation>der Speicher reicht nicht, um es zu lesen</translation>
    </message>
    <message>
        <source>%s cannot be read, so nobody knows the image&apos;s file</source>
        <translation>%s ist nicht lesbar, darum ist die Bilddatei unbekannt</translation>
    </message>
    <message>
        <source>the run&apos;s config.json is damaged: %s</source>
        <translation>die config.json des Laufs ist beschädigt: %s</translation>
    </message>
    <message>
        <source>the image %r is not found</source>
        <translation>das Bild %r ist nicht zu finden</translation>
    </message>
    <message>
        <source>its result names no %s</source>
        <translation>das Ergebnis nennt keine Datei für %s</translation>
    </message>
    <message>
        <source>its result names a map outside the run: %s</source>
        <translation>das Ergebnis nennt eine Karte außerhalb des Laufs: %s</translation>
    </message>
    <message>
        <source>the map %s is missing; run the job again</source>
        <translation>die Karte %s fehlt; den Job noch einmal rechnen</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Open the folder of a run to look at its maps.</source>
        <translation>Öffnen Sie den Ordner eines Laufs, um seine Karten anzusehen.</translation>
    </message>
    <message>
        <source>&amp;Look</source>
        <translation>&amp;Darstellung</translation>
    </message>
    <message>
        <source>Res&amp;ult</source>
        <translation>&amp;Ergebnis</translation>
    </message>
    <message>
        <source>Export view…</source>
        <translation>Ansicht exportieren…</translation>
    </message>
    <message>
        <source>PNG or SVG of what is seen (Ctrl+E)</source>
        <translation>PNG oder SVG von dem, was zu sehen ist (Strg+E)</translation>
    </message>
    <message>
        <source>Save map…</source>
        <translation>Karte sichern…</translation>
    </message>
    <message>
        <source>The map&apos;s file as it is (Ctrl+M)</source>
        <translation>Die Datei der Karte, wie sie ist (Strg+M)</translation>
    </message>
    <message>
        <source>Shortcuts (F1)</source>
        <translation>Tastenkürzel (F1)</translation>
    </message>
    <message>
        <source>Tick two maps in the list to see their difference.</source>
        <translation>Haken Sie zwei Karten in der Liste an, um ihre Differenz zu sehen.</translation>
    </message>
    <message>
        <source>Voxel (%s)</source>
        <translation>Voxel (%s)</translation>
    </message>
    <message>
        <source>image %s</source>
        <translation>Bild %s</translation>
    </message>
    <message>
        <source>neurological, left is left</source>
        <translation>neurologisch, links ist links</translation>
    </message>
    <message>
        <source>radiological, left is right</source>
        <translation>radiologisch, links ist rechts</translation>
    </message>
    <message>
        <source>oblique by up to %.0f°, letters name the nearest axes</source>
        <translation>bis zu %.0f° schräg, die Buchstaben nennen die nächsten Achsen</translation>
    </message>
    <message>
        <source>orientation unknown: as stored</source>
        <translation>Ausrichtung unbekannt: wie gespeichert</translation>
    </message>
    <message>
        <source>the image is on a grid of %s, the maps on one of %s</source>
        <translation>das Bild liegt auf einem Gitter von %s, die Karten auf einem von %s</translation>
    </message>
    <message>
        <source>There is no job %s in this run.</source>
        <translation>In diesem Lauf gibt es keinen Job %s.</translation>
    </message>
    <message>
        <source>The viewer cannot draw: %s</source>
        <translation>Der Betrachter kann nicht zeichnen: %s</translation>
    </message>
    <message>
        <source>The run cannot be shown: %s</source>
        <translation>Der Lauf lässt sich nicht zeigen: %s</translation>
    </message>
    <message>
        <source>Its map cannot be shown: %s</source>
        <translation>Die Karte lässt sich nicht zeigen: %s</translation>
    </message>
    <message>
        <source>Its images cannot be shown: %s</source>
        <translation>Die Bilder lassen sich nicht zeigen: %s</translation>
    </message>
    <message>
        <source>The image is made by code; a helper process makes it…</source>
        <translation>Das Bild wird von Code erzeugt; ein Hilfsprozess macht es…</translation>
    </message>
    <message>
        <source>The image cannot be shown, only the maps: %s</source>
        <translation>Das Bild lässt sich nicht zeigen, nur die Karten: %s</translation>
    </message>
    <message>
        <source>The map is on a grid of %s voxels, the image on one of %s.</source>
        <translation>Die Karte liegt auf einem Gitter von %s Voxeln, das Bild auf einem von %s.</translation>
    </message>
    <message>
        <source>Picture (*.png);;Drawing (*.svg)</source>
        <translation>Bild (*.png);;Zeichnung (*.svg)</translation>
    </message>
    <message>
        <source>Export the view</source>
        <translation>Ansicht exportieren</translation>
    </message>
    <message>
        <source>Save the map</source>
        <translation>Karte sichern</translation>
    </message>
    <message>
        <source>Written: %s</source>
        <translation>Geschrieben: %s</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>Schritte</translation>
    </message>
    <message>
        <source>‹ &amp;Back</source>
        <translation>‹ &amp;Zurück</translation>
    </message>
    <message>
        <source>&amp;Next ›</source>
        <translation>&amp;Weiter ›</translation>
    </message>
    <message>
        <source>Go to the first problem (F8)</source>
        <translation>Zum ersten Problem gehen (F8)</translation>
    </message>
    <message>
        <source>Viewer</source>
        <translation>Betrachter</translation>
    </message>
    <message>
        <source>%d problems</source>
        <translation>%d Probleme</translation>
    </message>
    <message>
        <source>The config is valid.</source>
        <translation>Die Konfiguration ist gültig.</translation>
    </message>
    <message>
        <source>The wizard speaks %s when it is started the next time.</source>
        <translation>Beim nächsten Start spricht der Assistent %s.</translation>
    </message>
    <message>
        <source>More is better.</source>
        <translation>Mehr ist besser.</translation>
    </message>
    <message>
        <source>Less is better.</source>
        <translation>Weniger ist besser.</translation>
    </message>
    <message>
        <source>Metrics</source>
        <translation>Metriken</translation>
    </message>
    <message>
        <source>How far to trust the maps: what is ticked judges each of them.</source>
        <translation>Wie weit den Karten zu trauen ist: Was angekreuzt ist, beurteilt jede von ihnen.</translation>
    </message>
    <message>
        <source>Which use of the metric</source>
        <translation>Welche Verwendung der Metrik</translation>
    </message>
    <message>
        <source>Select a metric to read of it.</source>
        <translation>Wählen Sie eine Metrik, um von ihr zu lesen.</translation>
    </message>
    <message>
        <source>Direction</source>
        <translation>Richtung</translation>
    </message>
    <message>
        <source>What is shown</source>
        <translation>Was gezeigt wird</translation>
    </message>
    <message>
        <source>what changed</source>
        <translation>was sich geändert hat</translation>
    </message>
    <message>
        <source>the image</source>
        <translation>das Bild</translation>
    </message>
    <message>
        <source>towards %s</source>
        <translation>hin zu %s</translation>
    </message>
    <message>
        <source>predicted %s</source>
        <translation>vorhergesagt %s</translation>
    </message>
    <message>
        <source>what its result says of them cannot be read</source>
        <translation>was das Ergebnis von ihnen sagt, ist nicht lesbar</translation>
    </message>
    <message>
        <source>way-%d does not hold an image for each position</source>
        <translation>way-%d enthält nicht für jede Stelle ein Bild</translation>
    </message>
</context>
</TS>
